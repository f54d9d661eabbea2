import assert from 'node:assert/strict';
import type { Layout } from '../layout.js';
import { managerOf } from './in-charge.js';
import { parseShown } from './systemd.js';
import { environmentText, orderOf, serviceFile, targetFile, unitPrefix } from './systemd-unit-files.js';

const place = { prefix: 'berth', after: ['postgres'], environmentFile: '/d/units/x.env', runDir: '/run/berth' };
const linesOf = (text: string, key: string) => text.split('\n').filter((line) => line.startsWith(`${key}=`));

describe('Unit files of systemd', () => {
  it('quote arguments: no variables, no specifiers, no second command', () => {
    const text = serviceFile({ name: 'x', argv: ['/bin/x', 'a b', '$HOME', '100%', 'q"\\', 'two\nlines', ';'] }, place);
    assert.deepEqual(linesOf(text, 'ExecStart'), [
      'ExecStart="/bin/x" "a b" "$$HOME" "100%%" "q\\"\\\\" "two\\nlines" ";"',
    ]);
  });

  it('say how a process stops, and what of it outlives that', () => {
    const database = serviceFile({ name: 'postgres', argv: ['/p'], stopSignal: 'INT', stopSeconds: 60 }, place);
    assert.match(database, /^KillSignal=SIGINT\nKillMode=mixed\nTimeoutStopSec=60\nDelegate=no$/m);
    const runtime = serviceFile({ name: 'containerd', argv: ['/c'], keepsChildren: true }, place);
    assert.match(runtime, /^KillSignal=SIGTERM\nKillMode=process\nTimeoutStopSec=15\nDelegate=yes$/m);
  });

  it('wait for what the process requires', () => {
    const text = serviceFile({ name: 'x', argv: ['/x'], requires: ['/run/a', '/run/b c'] }, place);
    assert.deepEqual(linesOf(text, 'ExecStartPre'), [
      'ExecStartPre=/bin/sh -c "until [ -e \\"$$0\\" ]; do sleep 0.05; done" "/run/a"',
      'ExecStartPre=/bin/sh -c "until [ -e \\"$$0\\" ]; do sleep 0.05; done" "/run/b c"',
    ]);
  });

  it('hold no variables, which may be secret', () => {
    const text = serviceFile({ name: 'x', argv: ['/x'], env: { DATABASE_URL: 'postgres://u:secret@h/d' } }, place);
    assert.equal(text.includes('secret'), false);
    assert.equal(environmentText({ A: 'a"b\\c$d`e', B: '%h' }), 'A="a\\"b\\\\c\\$d\\`e"\nB="%h"\n');
  });

  it('have the run directory made anew where a reboot removes it', () => {
    assert.match(serviceFile({ name: 'x', argv: ['/x'] }, place), /^RuntimeDirectory=berth$/m);
    assert.doesNotMatch(serviceFile({ name: 'x', argv: ['/x'] }, { ...place, runDir: '/d/run' }), /RuntimeDirectory/);
  });

  it('order processes, but behind none that itself waits', () => {
    const units = [{ name: 'postgres' }, { name: 'server' }, { name: 'agent', requires: ['/a'] }, { name: 'dns' }];
    assert.deepEqual(
      [...orderOf(units.map((unit) => ({ ...unit, argv: [] })))],
      [
        ['postgres', []],
        ['server', ['postgres']],
        ['agent', ['postgres', 'server']],
        ['dns', ['postgres', 'server']],
      ],
    );
    assert.match(
      targetFile('berth', [
        { name: 'a', argv: [] },
        { name: 'b', argv: [] },
      ]),
      /^Wants=berth-a\.service berth-b\.service$/m,
    );
  });

  it('have names of their own for each data directory', () => {
    assert.equal(unitPrefix({ dataDir: '/var/lib/berth' }), 'berth');
    assert.match(unitPrefix({ dataDir: '/a' }), /^berth-[0-9a-f]{8}$/);
    assert.notEqual(unitPrefix({ dataDir: '/a' }), unitPrefix({ dataDir: '/b' }));
  });
});

test('what systemd shows of a service is a state of ours', () => {
  const block = (name: string, active: string, sub: string, pid: number, restarts: number, result = 'success') =>
    `Id=berth-${name}.service\nActiveState=${active}\nSubState=${sub}\nMainPID=${pid}\nNRestarts=${restarts}\nResult=${result}\n`;
  const shown = [
    block('postgres', 'active', 'running', 7, 0),
    block('server', 'activating', 'auto-restart', 0, 3, 'exit-code'),
    block('agent', 'activating', 'start-pre', 0, 0),
    block('dns', 'inactive', 'dead', 0, 0),
  ];
  assert.deepEqual(parseShown(shown.join('\n'), 'berth'), [
    { name: 'postgres', state: 'running', pid: 7, restarts: 0, message: '' },
    { name: 'server', state: 'backoff', pid: 0, restarts: 3, message: 'exit-code' },
    { name: 'agent', state: 'waiting', pid: 0, restarts: 0, message: '' },
    { name: 'dns', state: 'stopped', pid: 0, restarts: 0, message: '' },
  ]);
});

describe('Who runs the processes', () => {
  const layout = (dataDir: string) => ({ dataDir }) as Layout;
  const rows: [
    asked: 'auto' | 'systemd' | 'supervisor',
    dataDir: string,
    systemd: boolean,
    root: boolean,
    manager: string | RegExp,
  ][] = [
    ['auto', '/var/lib/berth', true, true, 'systemd'],
    ['auto', '/var/lib/berth', false, true, 'supervisor'],
    ['auto', '/home/a/berth', true, true, 'supervisor'],
    ['auto', '/home/a/berth', true, false, 'supervisor'],
    ['supervisor', '/var/lib/berth', true, true, 'supervisor'],
    ['systemd', '/home/a/berth', true, true, 'systemd'],
    ['systemd', '/var/lib/berth', false, true, /^--process-manager: systemd does not run on this machine$/],
    ['systemd', '/var/lib/berth', true, false, /^--process-manager: systemd needs root$/],
  ];
  for (const [asked, dataDir, systemd, root, expected] of rows) {
    it(`${asked}, ${dataDir}, ${systemd ? 'with' : 'without'} systemd, ${root ? 'as root' : 'not as root'}: ${expected}`, () => {
      const manager = () => managerOf(layout(dataDir), { processManager: asked }, { systemd, root });
      if (typeof expected === 'string') assert.equal(manager(), expected);
      else assert.throws(manager, { message: expected });
    });
  }
});
