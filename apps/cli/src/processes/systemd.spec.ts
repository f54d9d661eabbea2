import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Layout } from '../layout.js';
import type { Unit } from './processes.js';
import { Systemd } from './systemd.js';

const PREFIX = /^berth-[0-9a-f]{8}-/;

/** A systemd whose services run from `start` or `restart` on, with the variables that their files have at that time. */
class FakeSystemd {
  readonly folder = mkdtempSync(join(tmpdir(), 'berth-systemd-'));
  readonly dataDir = join(this.folder, 'data');
  private readonly units = join(this.folder, 'system');
  private readonly environs = new Map<string, string>();
  calls: string[] = [];
  /** The call that the caller is interrupted at. */
  interruptAt: string | undefined;

  constructor() {
    mkdirSync(this.units);
  }

  of(): Systemd {
    const layout = { dataDir: this.dataDir, runDir: join(this.dataDir, 'run') } as Layout;
    return new Systemd(layout, {
      folder: this.units,
      systemctl: (...args) => this.systemctl(args),
      environ: (pid) => [...this.environs.values()][pid - 1],
    });
  }

  write(name: string, text: string): void {
    writeFileSync(join(this.units, name), text);
  }

  files(): string[] {
    return readdirSync(this.units)
      .map((file) => file.replace(PREFIX, ''))
      .sort();
  }

  read(file: string): string {
    const name = readdirSync(this.units).find((name) => name.replace(PREFIX, '') === file)!;
    return readFileSync(join(this.units, name), 'utf8');
  }

  private systemctl(args: string[]): string {
    const verb = args.find((arg) => !arg.startsWith('-'))!;
    const services = args.filter((arg) => arg.endsWith('.service'));
    if (verb === this.interruptAt) throw new Error('interrupted');
    if (verb === 'show') return services.map((service) => this.shown(service)).join('\n');
    this.calls.push([verb, ...services.map((service) => service.replace(PREFIX, ''))].join(' '));
    for (const service of services) {
      if (verb === 'stop') this.environs.delete(service);
      if (verb === 'restart' || (verb === 'start' && !this.environs.has(service)))
        this.environs.set(service, this.environmentOf(service));
    }
    return '';
  }

  private shown(service: string): string {
    return `Id=${service}\nMainPID=${[...this.environs.keys()].indexOf(service) + 1}\nControlPID=0\n`;
  }

  private environmentOf(service: string): string {
    const path = /^EnvironmentFile=(.*)$/m.exec(readFileSync(join(this.units, service), 'utf8'))![1]!;
    return readFileSync(path, 'utf8').replaceAll('"', '').replaceAll('\n', '\0');
  }
}

describe('Units of systemd', () => {
  let systemd: FakeSystemd;
  beforeEach(() => (systemd = new FakeSystemd()));
  afterEach(() => rmSync(systemd.folder, { recursive: true, force: true }));
  const units = (...more: Partial<Unit>[]): Unit[] => [
    { name: 'server', argv: ['/server'], ...more[0] },
    { name: 'agent', argv: ['/agent'], requires: ['/socket'], ...more[1] },
  ];
  const restarts = () => systemd.calls.filter((call) => call.startsWith('restart'));

  it('are restarted when their file or a variable changed, and only then', async () => {
    await systemd.of().run(units());
    await systemd.of().run(units());
    assert.deepEqual(restarts(), []);
    await systemd.of().run(units({ argv: ['/server', '--more'] }));
    await systemd.of().run(units({ argv: ['/server', '--more'] }, { env: { NODE_ENV: 'production' } }));
    assert.deepEqual(restarts(), ['restart server.service', 'restart agent.service']);
  });

  for (const call of ['daemon-reload', 'show', 'restart']) {
    it(`are restarted by the next up when one was interrupted at ${call}`, async () => {
      await systemd.of().run(units());
      const changed = units({ env: { DATABASE_URL: 'postgres://other' } });
      systemd.interruptAt = call;
      await assert.rejects(systemd.of().run(changed), /interrupted/);
      systemd.interruptAt = undefined;
      await systemd.of().run(changed);
      assert.deepEqual(restarts(), ['restart server.service']);
    });
  }

  it('of others stay, whatever they are called', async () => {
    await systemd.of().run(units());
    const ours = readdirSync(join(systemd.folder, 'system')).find((file) => PREFIX.test(file))!;
    const foreign = ours.replace(/[a-z]+\.service$/, 'backup.service');
    systemd.write(foreign, '[Service]\nExecStart=/backup\nEnvironmentFile=/elsewhere/units/backup.env\n');
    await systemd.of().run(units().slice(0, 1));
    assert.ok(systemd.files().includes('backup.service'));
    assert.deepEqual(
      systemd.calls.filter((call) => call.startsWith('stop')),
      ['stop agent.service'],
    );
    await systemd.of().shutDown();
    assert.equal(systemd.calls.at(-1), 'stop server.service');
  });

  it('of others are not overwritten', async () => {
    await systemd.of().run(units().slice(0, 1));
    const ours = readdirSync(join(systemd.folder, 'system')).find((file) => PREFIX.test(file))!;
    systemd.write(ours.replace('server', 'agent'), '[Service]\nExecStart=/x\n');
    await assert.rejects(systemd.of().run(units()), { message: /agent\.service is not a unit of / });
    assert.equal(systemd.read('agent.service'), '[Service]\nExecStart=/x\n');
  });
});
