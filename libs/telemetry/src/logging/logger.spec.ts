import assert from 'node:assert/strict';
import { createLogger, type LogOptions, type ProcessLogger } from './logger.js';

function logged(options: LogOptions, log: (logger: ProcessLogger) => void): string[] {
  const lines: string[] = [];
  log(createLogger({ component: 'server', ...options, destination: { write: (line) => lines.push(line) } }));
  return lines;
}

const failure = () => new Error('no way', { cause: new TypeError('odd') });

describe('a log in JSON', () => {
  it('has an object a line, with level, time, component, message and fields', () => {
    const [line] = logged({ format: 'json' }, (logger) => logger.info('serving', { url: 'https://x', port: 1 }));
    const { time, ...entry } = JSON.parse(line!);
    assert.match(time, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.deepEqual(entry, { level: 'info', component: 'server', url: 'https://x', port: 1, msg: 'serving' });
    assert.match(line!, /\}\n$/);
  });

  it('keeps type, message, stack and cause of an error', () => {
    const [line] = logged({ format: 'json' }, (logger) => logger.warn('failed', { error: failure() }));
    const { error } = JSON.parse(line!);
    assert.deepEqual(
      [error.type, error.message, error.cause.type, error.cause.message],
      ['Error', 'no way', 'TypeError', 'odd'],
    );
    assert.match(error.stack, /^Error: no way\n {4}at .*logger\.spec/);
  });

  it('has on each entry the fields that it was made with', () => {
    const [line] = logged({ format: 'json' }, (logger) => logger.with({ auditID: 'a' }).error('failed'));
    assert.equal(JSON.parse(line!).auditID, 'a');
  });
});

describe('a log in text', () => {
  it('has a line an entry, with fields as JSON', () => {
    const lines = logged({}, (logger) => logger.info('serving', { url: 'a "b"', ports: [1, 2] }));
    assert.equal(lines.length, 1);
    assert.match(lines[0]!, /^\S+Z INFO server: serving url="a \\"b\\"" ports=\[1,2\]\n$/);
  });

  it('shows the message of an error, and its stack only where something failed for good', () => {
    const [warning] = logged({}, (logger) => logger.warn('later', { error: failure() }));
    assert.match(warning!, / WARN server: later error="no way"\n$/);
    const [error] = logged({}, (logger) => logger.error('ended', { error: failure() }));
    assert.match(error!, / ERROR server: ended error="no way" error\.stack="Error: no way\\n.*"\n$/);
  });
});

describe('levels', () => {
  const all = (logger: ProcessLogger) => {
    logger.debug('a');
    logger.info('b');
    logger.warn('c');
    logger.error('d');
  };
  for (const [level, count] of [
    ['debug', 4],
    ['info', 3],
    ['warn', 2],
    ['error', 1],
  ] as const) {
    it(`${level} leaves out what is below it`, () => assert.equal(logged({ level }, all).length, count));
  }
});
