import assert from 'node:assert/strict';
import { type Flag, flagsOf, parseFlags, programUsage, usage } from './flags.js';

const flags: Flag[] = [
  { name: 'port', argument: 'PORT', help: 'where', default: '1' },
  { name: 'quiet', help: 'say less' },
  { name: 'file', argument: 'PATH', help: 'what', multiple: true, short: 'f' },
  { name: 'secret', argument: 'WORD', help: 'not for all', hidden: true },
  { name: 'old', argument: 'WORD', help: 'as before', deprecated: 'use --port instead' },
];

describe('Flags', () => {
  const good: [args: string[], values: object][] = [
    [[], {}],
    [['--port=1'], { port: '1' }],
    [['--port', '1', '--port', '2'], { port: '2' }],
    [['--quiet'], { quiet: 'true' }],
    [['--quiet', '--port=1'], { quiet: 'true', port: '1' }],
    [['--quiet=false'], { quiet: 'false' }],
    [['--quiet', 'false'], { quiet: 'false' }],
    [['-f', 'a', '--file=b'], { file: ['a', 'b'] }],
    [['--port='], { port: '' }],
    [['-h'], { help: true }],
  ];
  for (const [args, values] of good) {
    test(`${args.join(' ') || 'none'} is read`, () => assert.deepEqual({ ...parseFlags(flags, args).values }, values));
  }

  const bad: [args: string[], message: RegExp][] = [
    [['--colour=red'], /^Unknown option '--colour'$/],
    [['--port'], /'--port <value>' argument missing$/],
    [['now'], /^Unexpected argument 'now'$/],
    [['--', 'now'], /^Unexpected argument 'now'$/],
  ];
  for (const [args, message] of bad) {
    test(`${args.join(' ')} is refused`, () =>
      assert.throws(() => parseFlags(flags, args), { name: 'SettingError', message }));
  }

  test('what follows a switch is an argument where there can be some', () => {
    const { values, positionals } = parseFlags(flags, ['--quiet', 'false', '--', '--quiet'], true);
    assert.deepEqual([values.quiet, positionals], ['true', ['false', '--quiet']]);
  });

  test('a deprecated flag works, with a warning; a hidden one works', () => {
    const { values, warnings } = parseFlags(flags, ['--old=a', '--secret=b']);
    assert.deepEqual({ ...values }, { old: 'a', secret: 'b' });
    assert.deepEqual(warnings, ['Flag --old has been deprecated, use --port instead']);
    assert.deepEqual(parseFlags(flags, ['--port=1']).warnings, []);
  });

  test('--help shows all but the hidden ones', () => {
    const text = usage('program', 'It runs.', flags);
    assert.match(
      text,
      /^Usage: program\n\nIt runs\.\n\nFlags:\n {2}--port PORT {2}where \(default: 1\)\n {2}--quiet {6}say less\n/,
    );
    assert.match(text, /^ {2}--help, -h {3}this text$/m);
    assert.doesNotMatch(text, /secret/);
  });

  test('--help of a program shows its own flags under the titles of the table', () => {
    const text = programUsage('agent', 'agent', 'It runs.');
    assert.match(text, /^Node:\n/m);
    assert.match(text, /^ {2}--port PORT /m);
    assert.doesNotMatch(text, /^API:|--secure-port|--agent-port/m);
    for (const { name } of flagsOf('agent')) assert.match(text, new RegExp(`^  --${name} `, 'm'));
  });
});
