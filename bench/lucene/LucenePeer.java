// The peer Apache Lucene: the same rows and questions as Lantai and PostgreSQL get (bench/growth.mjs), with its CJK analyser (overlapping pairs of ideographs).
//
//   java -cp lib/* LucenePeer.java load ROWS.tsv INDEX            one JSON value: seconds, bytes
//   java -cp lib/* LucenePeer.java ask INDEX READERS [writing]    questions on standard input, a line each; for each, in order: milliseconds TAB hits TAB facet sum TAB first id
//
// As one would build it for speed: values for gate, filters, facets and order stand in doc values and are read in one collector, which counts exactly; the index is one force-merged
// piece after the load; a near-real-time reader follows the writer. Heap: see growth.mjs. A question's fields, separated by tabs: a=words anywhere, c=words of the creator, t=words on its page, k=beginning of the code,
// w=1: only to warm, n=parent, y=first-last year, o=opening, s=date|code, f=fonds,fonds,… (the asker's).
import java.io.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.lucene.analysis.*;
import org.apache.lucene.analysis.cjk.CJKAnalyzer;
import org.apache.lucene.analysis.tokenattributes.CharTermAttribute;
import org.apache.lucene.document.*;
import org.apache.lucene.index.*;
import org.apache.lucene.search.*;
import org.apache.lucene.store.*;
import org.apache.lucene.util.BytesRef;

public class LucenePeer {
  static final String[] NUMBERS = {"fonds", "category", "year", "retention", "opening", "security", "level", "date"};
  static final int FONDS = 0, CATEGORY = 1, YEAR = 2, RETENTION = 3, OPENING = 4, SECURITY = 5, LEVEL = 6, DATE = 7, FACETS = 6, SHOWN = 20, WARMED = 50, WARMING_S = 10;
  static final int[] FACET_COLUMNS = {FONDS, CATEGORY, YEAR, RETENTION, OPENING, LEVEL};

  static Analyzer analyzer() { // values of one field must not join into a phrase
    return new AnalyzerWrapper(Analyzer.PER_FIELD_REUSE_STRATEGY) {
      final Analyzer cjk = new CJKAnalyzer(CharArraySet.EMPTY_SET);
      @Override protected Analyzer getWrappedAnalyzer(String field) { return cjk; }
      @Override public int getPositionIncrementGap(String field) { return 100; }
    };
  }

  // ---- load ----

  static Document document(String[] cell) { // id, title, creator, code, docno, other, parent, fonds, category, year, retention, opening, security, level, date
    Document document = new Document();
    for (int i = 1; i <= 5; i++)
      for (String value : cell[i].split("\u001f")) if (!value.isEmpty()) document.add(new TextField("any", value, Field.Store.NO));
    if (!cell[2].isEmpty()) document.add(new TextField("creator", cell[2], Field.Store.NO));
    document.add(new StringField("code", cell[3], Field.Store.NO));
    document.add(new SortedDocValuesField("code", new BytesRef(cell[3])));
    document.add(new StringField("parent", cell[6], Field.Store.NO));
    document.add(new NumericDocValuesField("id", Long.parseLong(cell[0])));
    if (cell.length > 15 && !cell[15].isEmpty()) for (String field : new String[]{"any", "text"}) document.add(new TextField(field, cell[15], Field.Store.NO));
    for (int i = 0; i < NUMBERS.length; i++) document.add(new NumericDocValuesField(NUMBERS[i], Long.parseLong(cell[7 + i])));
    return document;
  }

  static void load(String rows, Path index) throws IOException {
    long begin = System.nanoTime(), count = 0;
    try (Directory directory = new MMapDirectory(index);
         IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(analyzer()).setRAMBufferSizeMB(256));
         BufferedReader reader = Files.newBufferedReader(Path.of(rows), StandardCharsets.UTF_8)) {
      for (String line; (line = reader.readLine()) != null; count++) writer.addDocument(document(line.split("\t", -1)));
      writer.forceMerge(1);
      writer.commit();
    }
    long bytes = 0;
    try (DirectoryStream<Path> files = Files.newDirectoryStream(index)) {
      for (Path file : files) bytes += Files.size(file);
    }
    System.out.printf("{\"seconds\": %.3f, \"rows\": %d, \"bytes\": %d}%n", (System.nanoTime() - begin) / 1e9, count, bytes);
  }

  // ---- ask ----

  static class Question {
    final BooleanQuery.Builder words = new BooleanQuery.Builder();
    boolean any, byCode;
    int yearFrom = 0, yearTo = Integer.MAX_VALUE, opening = -1;
    long[] fonds = {};
    String answer;

    Question(String line, Analyzer analyzer) throws IOException {
      for (String part : line.split("\t")) {
        String value = part.substring(2);
        switch (part.charAt(0)) {
          case 'a' -> must(phrase("any", value, analyzer));
          case 't' -> must(phrase("text", value, analyzer));
          case 'c' -> must(phrase("creator", value, analyzer));
          case 'k' -> must(new PrefixQuery(new Term("code", value)));
          case 'n' -> must(new TermQuery(new Term("parent", value)));
          case 'y' -> { String[] years = value.split("-"); yearFrom = Integer.parseInt(years[0]); yearTo = Integer.parseInt(years[1]); }
          case 'o' -> opening = Integer.parseInt(value);
          case 'w' -> { }
          case 's' -> byCode = value.equals("code");
          case 'f' -> fonds = Arrays.stream(value.split(",")).mapToLong(Long::parseLong).sorted().toArray();
          default -> throw new IOException("question: " + line);
        }
      }
    }

    void must(Query query) { words.add(query, BooleanClause.Occur.FILTER); any = true; }
    Query query() { return any ? words.build() : MatchAllDocsQuery.INSTANCE; }

    static Query phrase(String field, String text, Analyzer analyzer) throws IOException {
      PhraseQuery.Builder phrase = new PhraseQuery.Builder();
      try (TokenStream tokens = analyzer.tokenStream(field, text)) {
        CharTermAttribute term = tokens.addAttribute(CharTermAttribute.class);
        tokens.reset();
        while (tokens.incrementToken()) phrase.add(new Term(field, term.toString()));
        tokens.end();
      }
      return phrase.build();
    }
  }

  // Gate, filters, counts and the first twenty in one pass. A facet ignores its own filter.
  static class Pass implements Collector {
    final Question question;
    final PriorityQueue<Object[]> first; // the worst on top
    final long[][] counts = new long[FACETS][];
    final Map<Long, long[]> fondsCounts = new HashMap<>();
    long hits;

    Pass(Question question) {
      this.question = question;
      Comparator<Object[]> order = question.byCode ? (a, b) -> ((BytesRef)b[0]).compareTo((BytesRef)a[0]) : (a, b) -> Long.compare((Long)a[0], (Long)b[0]);
      first = new PriorityQueue<>(order);
      for (int i = 1; i < FACETS; i++) counts[i] = new long[FACET_COLUMNS[i] == YEAR ? 4096 : 256];
    }

    @Override public ScoreMode scoreMode() { return ScoreMode.COMPLETE_NO_SCORES; }

    @Override public LeafCollector getLeafCollector(LeafReaderContext context) throws IOException {
      LeafReader reader = context.reader();
      NumericDocValues[] columns = new NumericDocValues[NUMBERS.length];
      for (int i = 0; i < NUMBERS.length; i++) columns[i] = reader.getNumericDocValues(NUMBERS[i]);
      NumericDocValues ids = reader.getNumericDocValues("id");
      SortedDocValues codes = question.byCode ? reader.getSortedDocValues("code") : null;
      return new LeafCollector() {
        int worst = -1; // ordinal of the last of a full list within this piece
        long lastFonds = -1;
        long[] lastCount;
        @Override public void setScorer(Scorable scorer) {}
        long at(int column, int document) throws IOException { columns[column].advanceExact(document); return columns[column].longValue(); }
        @Override public void collect(int document) throws IOException {
          long fonds = at(FONDS, document), level = at(LEVEL, document);
          if (Arrays.binarySearch(question.fonds, fonds) < 0 || (level > 2 && at(SECURITY, document) > 1)) return;
          long year = at(YEAR, document), opening = at(OPENING, document);
          boolean years = year >= question.yearFrom && year <= question.yearTo, open = question.opening < 0 || opening == question.opening;
          if (open) counts[2][(int)year]++;
          if (years) counts[4][(int)opening]++;
          if (!years || !open) return;
          if (fonds != lastFonds) lastCount = fondsCounts.computeIfAbsent(lastFonds = fonds, key -> new long[1]);
          lastCount[0]++;
          counts[1][(int)at(CATEGORY, document)]++;
          counts[3][(int)at(RETENTION, document)]++;
          counts[5][(int)level]++;
          hits++;
          if (question.byCode) addByCode(document);
          else addByDate(document);
        }
        void addByDate(int document) throws IOException {
          long date = at(DATE, document);
          if (first.size() == SHOWN && date < (Long)first.peek()[0] >> 32) return;
          ids.advanceExact(document);
          long key = date << 32 | 0xFFFFFFFFL - ids.longValue(); // of one day: the smaller id first
          if (first.size() < SHOWN) first.add(new Object[]{key, ids.longValue()});
          else if (key > (Long)first.peek()[0]) { first.poll(); first.add(new Object[]{key, ids.longValue()}); }
        }
        void addByCode(int document) throws IOException {
          codes.advanceExact(document);
          int ordinal = codes.ordValue();
          if (first.size() == SHOWN && worst >= 0 && ordinal >= worst) return;
          BytesRef code = BytesRef.deepCopyOf(codes.lookupOrd(ordinal));
          if (first.size() == SHOWN && code.compareTo((BytesRef)first.peek()[0]) >= 0) return;
          if (first.size() == SHOWN) first.poll();
          ids.advanceExact(document);
          first.add(new Object[]{code, ids.longValue()});
          if (first.size() == SHOWN) worst = codes.lookupTerm((BytesRef)first.peek()[0]);
        }
      };
    }

    long sum() {
      long sum = 0;
      for (Map.Entry<Long, long[]> entry : fondsCounts.entrySet()) sum += entry.getKey() * entry.getValue()[0];
      for (int i = 1; i < FACETS; i++)
        for (int value = 0; value < counts[i].length; value++) sum += (long)(i + 1) * value * counts[i][value];
      return sum;
    }

    long best() {
      Object[] best = null;
      while (!first.isEmpty()) best = first.poll();
      return best == null ? 0 : (Long)best[1];
    }
  }

  static void answer(IndexSearcher searcher, Question question) throws IOException {
    long begin = System.nanoTime();
    Pass pass = new Pass(question);
    searcher.search(question.query(), new CollectorManager<Pass, Void>() {
      @Override public Pass newCollector() { return pass; }
      @Override public Void reduce(Collection<Pass> passes) { return null; }
    });
    long hits = pass.hits, sum = pass.sum(), best = pass.best();
    question.answer = String.format(Locale.ROOT, "%.4f\t%d\t%d\t%d", (System.nanoTime() - begin) / 1e6, hits, sum, best);
  }

  static volatile boolean ended; // the writer is told to end by this: an interrupt while it looks after its lock's file would close that, and the index with it

  // One record a hundredth of a second, visible to the next search; reports how long that took (median).
  static Thread writer(IndexWriter writer, SearcherManager manager, List<Double> times) {
    Thread thread = new Thread(() -> {
      String[] cell = {"0", "新收文件", "临江市档案局", "", "", "", "1", "1", "1", "2026", "1", "0", "0", "4", "20260101"};
      try {
        for (long number = 1L << 30; !ended; number++, Thread.sleep(10)) {
          long begin = System.nanoTime();
          cell[0] = String.valueOf(number);
          cell[3] = "新" + number;
          writer.addDocument(document(cell));
          manager.maybeRefreshBlocking();
          synchronized (times) { times.add((System.nanoTime() - begin) / 1e6); }
        }
      } catch (InterruptedException never) { throw new IllegalStateException(never);
      } catch (IOException failure) { throw new UncheckedIOException(failure); }
    });
    thread.start();
    return thread;
  }

  static void ask(Path index, int readers, boolean writing) throws Exception {
    Analyzer analyzer = analyzer();
    List<Question> questions = new ArrayList<>();
    BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    List<Question> warming = new ArrayList<>();
    for (String line; (line = input.readLine()) != null;) (line.startsWith("w=") ? warming : questions).add(new Question(line, analyzer));
    try (Directory directory = new MMapDirectory(index); IndexWriter writer = new IndexWriter(directory, new IndexWriterConfig(analyzer));
         SearcherManager manager = new SearcherManager(writer, null)) {
      long until = System.nanoTime() + WARMING_S * 1_000_000_000L;
      for (int i = 0; i < warming.size() && (i < WARMED || System.nanoTime() < until); i++) { // the machine code is made before the clock counts
        IndexSearcher searcher = manager.acquire();
        try { answer(searcher, warming.get(i)); } finally { manager.release(searcher); }
      }
      List<Double> times = new ArrayList<>();
      Thread background = writing ? writer(writer, manager, times) : null;
      AtomicInteger next = new AtomicInteger();
      List<Thread> threads = new ArrayList<>();
      for (int i = 0; i < readers; i++) {
        Thread thread = new Thread(() -> {
          try {
            for (int at; (at = next.getAndIncrement()) < questions.size();) {
              IndexSearcher searcher = manager.acquire();
              try { answer(searcher, questions.get(at)); } finally { manager.release(searcher); }
            }
          } catch (IOException failure) { throw new UncheckedIOException(failure); }
        });
        thread.start();
        threads.add(thread);
      }
      for (Thread thread : threads) thread.join();
      if (background != null) { ended = true; background.join(); }
      StringBuilder out = new StringBuilder();
      for (Question question : questions) out.append(question.answer).append('\n');
      synchronized (times) {
        Collections.sort(times);
        if (!times.isEmpty()) out.append(String.format(Locale.ROOT, "fresh\t%.4f\t%d%n", times.get(times.size() / 2), times.size()));
      }
      System.out.print(out);
      writer.rollback();
    }
  }

  public static void main(String[] arguments) throws Exception {
    switch (arguments.length > 1 ? arguments[0] : "") {
      case "load" -> load(arguments[1], Path.of(arguments[2]));
      case "ask" -> ask(Path.of(arguments[1]), Integer.parseInt(arguments[2]), arguments.length > 3);
      default -> { System.err.println("see the head of LucenePeer.java"); System.exit(2); }
    }
  }
}
