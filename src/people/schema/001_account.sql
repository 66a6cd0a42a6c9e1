-- Accounts, what they were given, their sessions (only the SM3 of a token is kept), and failed sign-ins. Times in microseconds since 1970.
CREATE TABLE account (
  id INTEGER NOT NULL,
  name TEXT NOT NULL,
  title TEXT NOT NULL,
  password TEXT NOT NULL,
  must_change INTEGER NOT NULL DEFAULT 0,
  security INTEGER NOT NULL,
  enabled INTEGER NOT NULL DEFAULT 1,
  created_us BIGINT NOT NULL,
  last_seen_us BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id),
  UNIQUE (name)
);
CREATE TABLE account_role (
  account_id BIGINT NOT NULL REFERENCES account (id),
  role TEXT NOT NULL,
  PRIMARY KEY (account_id, role)
);
CREATE TABLE account_fonds (
  account_id BIGINT NOT NULL REFERENCES account (id),
  fonds_id BIGINT NOT NULL,
  PRIMARY KEY (account_id, fonds_id)
);
CREATE TABLE session (
  token_hash TEXT NOT NULL,
  account_id BIGINT NOT NULL REFERENCES account (id),
  address TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  seen_us BIGINT NOT NULL,
  PRIMARY KEY (token_hash)
);
CREATE INDEX session_of_account ON session (account_id);
CREATE INDEX session_by_seen ON session (seen_us);
CREATE TABLE sign_in_failure (
  name TEXT NOT NULL,
  address TEXT NOT NULL,
  failures INTEGER NOT NULL,
  last_us BIGINT NOT NULL,
  PRIMARY KEY (name, address)
);
CREATE INDEX sign_in_failure_by_time ON sign_in_failure (last_us);
