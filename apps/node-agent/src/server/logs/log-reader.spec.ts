import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { fixedWidthTime, parseLogEntry } from './log-entry.js';
import { type LogOptions, parseLogOptions } from './log-options.js';
import { type FollowedContainer, readLog } from './log-reader.js';

const NO_OPTIONS: LogOptions = { follow: false, previous: false, timestamps: false };

/** A container that runs until told to end. */
class Container implements FollowedContainer {
  private isRunning = true;
  private readonly followers = new Set<() => void>();

  running(): Promise<boolean> {
    return Promise.resolve(this.isRunning);
  }

  onChange(listener: () => void): () => void {
    this.followers.add(listener);
    return () => this.followers.delete(listener);
  }

  end(): void {
    this.isRunning = false;
    for (const listener of this.followers) listener();
  }

  get listeners(): number {
    return this.followers.size;
  }
}

describe('log reader', () => {
  let directory: string;
  let path: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'berth-log-'));
    path = join(directory, '0.log');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const line = (second: number, text: string, tag = 'F', stream = 'stdout') =>
    `2030-01-01T00:00:${String(second).padStart(2, '0')}.5Z ${stream} ${tag} ${text}\n`;

  async function read(options: Partial<LogOptions>): Promise<string> {
    return collect({ ...NO_OPTIONS, ...options }, new Container(), new AbortController().signal);
  }

  async function collect(options: LogOptions, container: Container, signal: AbortSignal): Promise<string> {
    const pieces: Buffer[] = [];
    for await (const piece of readLog(path, options, container, signal)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }

  const lines =
    line(0, 'one') +
    line(1, 'two', 'F', 'stderr') +
    line(2, 'thr', 'P') +
    line(3, 'ee') +
    line(4, '') +
    line(5, 'five');
  const since = Date.parse('2030-01-01T00:00:03.500Z');

  const cases: [what: string, options: Partial<LogOptions>, expected: string][] = [
    ['everything', {}, 'one\ntwo\nthree\n\nfive\n'],
    ['one stream', { stream: 'stderr' }, 'two\n'],
    ['the other stream', { stream: 'stdout' }, 'one\nthree\n\nfive\n'],
    ['no lines', { tailLines: 0 }, ''],
    ['the last record', { tailLines: 1 }, 'five\n'],
    ['the last records, pieces of a line counting each', { tailLines: 3 }, 'ee\n\nfive\n'],
    ['more records than there are', { tailLines: 100 }, 'one\ntwo\nthree\n\nfive\n'],
    ['what is not older', { since }, 'ee\n\nfive\n'],
    ['nothing that is older', { since: since + 60_000 }, ''],
    ['tail and since together', { since, tailLines: 2 }, '\nfive\n'],
    ['a number of bytes', { limitBytes: 6 }, 'one\ntw'],
    ['a number of bytes of the tail', { limitBytes: 3, tailLines: 1 }, 'fiv'],
    [
      'times, once for a line in pieces',
      { timestamps: true, tailLines: 4 },
      '2030-01-01T00:00:02.500000000Z three\n2030-01-01T00:00:04.500000000Z \n2030-01-01T00:00:05.500000000Z five\n',
    ],
    ['times within the bytes', { timestamps: true, limitBytes: 12 }, '2030-01-01T0'],
  ];
  for (const [what, options, expected] of cases) {
    it(`gives ${what}`, async () => {
      writeFileSync(path, lines);
      assert.equal(await read(options), expected);
    });
  }

  it('reads over what is no record, and gives a last record without its end', async () => {
    writeFileSync(path, `rubbish\n${line(0, 'good')}2030-01-01T00:00:00Z both F no\n${line(1, 'last').trimEnd()}`);
    assert.equal(await read({}), 'good\nlast');
  });

  it('gives nothing for an empty file, and an error for none', async () => {
    writeFileSync(path, '');
    assert.equal(await read({}), '');
    rmSync(path);
    await assert.rejects(read({}), /failed to try resolving symlinks in path/);
  });

  it('reads no link and waits for no pipe', async () => {
    execFileSync('mkfifo', [path]);
    await assert.rejects(read({}), /is not a regular file/);
    rmSync(path);
    symlinkSync('/etc/hosts', path);
    await assert.rejects(read({ follow: true }), /is not a regular file/);
  });

  it('finds the tail in a file of many blocks', async () => {
    const texts = Array.from({ length: 5000 }, (_, index) => `${index} ${'x'.repeat(index % 90)}`);
    writeFileSync(path, texts.map((text) => line(0, text)).join(''));
    for (const tailLines of [1, 999, 4999, 5000]) {
      assert.equal(await read({ tailLines }), `${texts.slice(-tailLines).join('\n')}\n`);
    }
  });

  it('gives what was written, whatever it is', async () => {
    const record = fc.record({
      text: fc.string({ maxLength: 40 }).map((text) => text.replaceAll('\n', ' ')),
      end: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(record, { maxLength: 30 }), fc.option(fc.nat(40)), async (records, tail) => {
        writeFileSync(path, records.map(({ text, end }) => line(0, text, end ? 'F' : 'P')).join(''));
        const wanted = tail === null ? records : tail === 0 ? [] : records.slice(-tail);
        const expected = wanted.map(({ text, end }) => text + (end ? '\n' : '')).join('');
        assert.equal(await read(tail === null ? {} : { tailLines: tail }), expected);
      }),
      { numRuns: 60 },
    );
  });

  describe('following', () => {
    const follow = { ...NO_OPTIONS, follow: true };

    it('gives lines as they come, also in pieces, until the container has ended', async () => {
      writeFileSync(path, line(0, 'zero'));
      const container = new Container();
      let text = '';
      const done = (async () => {
        for await (const piece of readLog(path, follow, container, new AbortController().signal)) text += piece;
      })();
      await until(() => text === 'zero\n');
      const written = Date.now();
      appendFileSync(path, line(1, 'one'));
      await until(() => text === 'zero\none\n');
      assert.ok(Date.now() - written < 500);
      const [head, tail] = [line(2, 'two').slice(0, 30), line(2, 'two').slice(30)];
      appendFileSync(path, head);
      await sleep(20);
      appendFileSync(path, tail);
      await until(() => text === 'zero\none\ntwo\n');
      appendFileSync(path, line(3, 'last'));
      container.end();
      await done;
      assert.equal(text, 'zero\none\ntwo\nlast\n');
      assert.equal(container.listeners, 0);
    });

    it('goes on in the new file after rotation, and loses nothing of the old one', async () => {
      writeFileSync(path, line(0, 'zero'));
      const container = new Container();
      const done = collect(follow, container, new AbortController().signal);
      await sleep(50);
      for (let turn = 1; turn <= 3; turn++) {
        appendFileSync(path, line(turn, `before ${turn}`));
        renameSync(path, `${path}.${turn}`);
        // The runtime holds the old file for a moment yet.
        appendFileSync(`${path}.${turn}`, line(turn, `late ${turn}`));
        writeFileSync(path, line(turn, `after ${turn}`));
        await sleep(60);
      }
      container.end();
      const turns = [1, 2, 3].map((turn) => `before ${turn}\nlate ${turn}\nafter ${turn}\n`);
      assert.equal(await done, `zero\n${turns.join('')}`);
    });

    it('begins with the tail and goes on', async () => {
      writeFileSync(path, lines);
      const container = new Container();
      const done = collect({ ...follow, tailLines: 1 }, container, new AbortController().signal);
      await sleep(50);
      appendFileSync(path, line(6, 'six'));
      await sleep(50);
      container.end();
      assert.equal(await done, 'five\nsix\n');
    });

    it('ends at the byte limit, and when nobody listens any more', async () => {
      writeFileSync(path, lines);
      const container = new Container();
      assert.equal(await collect({ ...follow, limitBytes: 4 }, container, new AbortController().signal), 'one\n');
      const abort = new AbortController();
      const done = collect(follow, container, abort.signal);
      await sleep(30);
      abort.abort();
      await done;
      assert.equal(container.listeners, 0);
    });
  });

  async function until(condition: () => boolean): Promise<void> {
    for (let attempt = 0; attempt < 300 && !condition(); attempt++) await sleep(10);
    assert.ok(condition());
  }
});

describe('log entries', () => {
  it('are parsed as the CRI format has them', () => {
    const parse = (text: string) => {
      const entry = parseLogEntry(Buffer.from(text));
      return entry && [entry.stream, entry.content.toString()];
    };
    assert.deepEqual(parse('2030-01-01T00:00:00.123456789Z stdout F a b  c\n'), ['stdout', 'a b  c\n']);
    assert.deepEqual(parse('2030-01-01T00:00:00.1+02:00 stderr P half\n'), ['stderr', 'half']);
    assert.deepEqual(parse('2030-01-01T00:00:00Z stdout P:tag:more half\n'), ['stdout', 'half']);
    assert.deepEqual(parse('2030-01-01T00:00:00Z stdout F \n'), ['stdout', '\n']);
    for (const bad of ['', '\n', 'x stdout F a\n', '2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z stdout\n']) {
      assert.equal(parse(bad), undefined, bad);
    }
  });

  it('show their time with nine digits', () => {
    assert.equal(fixedWidthTime('2030-01-01T00:00:00Z'), '2030-01-01T00:00:00.000000000Z');
    assert.equal(fixedWidthTime('2030-01-01T00:00:00.12+02:00'), '2030-01-01T00:00:00.120000000+02:00');
    assert.equal(fixedWidthTime('2030-01-01T00:00:00.123456789Z'), '2030-01-01T00:00:00.123456789Z');
  });
});

describe('log options', () => {
  const parse = (query: string) => parseLogOptions(new URLSearchParams(query), 1_000_000);

  it('are read from the query', () => {
    assert.deepEqual(parse(''), NO_OPTIONS);
    assert.deepEqual(parse('follow=true&previous=1&timestamps=&tailLines=5&limitBytes=7'), {
      follow: true,
      previous: true,
      timestamps: true,
      tailLines: 5,
      limitBytes: 7,
    });
    assert.equal(parse('sinceSeconds=10').since, 990_000);
    assert.equal(parse('sinceTime=1970-01-01T00:00:05Z').since, 5000);
    assert.equal(parse('tail=all&tailLines=3').tailLines, undefined);
    assert.equal(parse('stream=Stderr').stream, 'stderr');
    assert.equal(parse('follow=false&insecureSkipTLSVerifyBackend=true').follow, false);
  });

  it('that make no sense are refused', () => {
    const codes: [string, number][] = [
      ['tailLines=x', 400],
      ['sinceTime=yesterday', 400],
      ['tailLines=-1', 422],
      ['limitBytes=0', 422],
      ['sinceSeconds=0', 422],
      ['sinceSeconds=5&sinceTime=1970-01-01T00:00:05Z', 422],
      ['stream=Stdin', 422],
      ['stream=Stdout&tailLines=5', 422],
    ];
    for (const [query, code] of codes) assert.throws(() => parse(query), { code }, query);
  });
});
