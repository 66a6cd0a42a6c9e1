-- The register form takes the conversions of one day.
CREATE INDEX keep_conversion_at ON keep_conversion (at_us);
