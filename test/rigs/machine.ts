import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Outcome {
  /** Of the command; 125 when the machine did not get as far as running it. */
  status: number;
  /** What the command wrote; for 125 the end of what the machine wrote. */
  output: string;
}

/**
 * A machine that tests run commands on. What it has of the host is a view of its files, to which it can write without
 * changing them, and one shared folder.
 */
export interface Machine {
  readonly name: string;
  /** `host`: the interfaces of the network namespace that it was made in. `own`: a loopback interface of its own. */
  readonly network: 'host' | 'own';
  /** Why this host cannot run it; undefined when it can. */
  missing(): string | undefined;
  /** Starts the machine, runs a shell command in the shared folder, and ends the machine. */
  run(command: string, seconds: number): Promise<Outcome>;
  /** Into the shared folder. */
  put(name: string, content: string): void;
  get(name: string): string;
  has(name: string): boolean;
  /** Removes the shared folder. */
  close(): void;
}

const NOT_REACHED = 125;

let numbers = 0;
/** For names on the host: no other machine or network that runs now has it. */
export const uniqueNumber = () => `${process.pid}-${++numbers}`;

/** The shared folder, and in it how a command comes in and its result comes out. */
export abstract class SharedFolderMachine implements Machine {
  abstract readonly name: string;
  abstract readonly network: 'host' | 'own';
  protected readonly shared = mkdtempSync(join(tmpdir(), 'berth-rig-'));

  abstract missing(): string | undefined;

  /** Ends when the machine has ended; returns what it wrote to its console. */
  protected abstract start(seconds: number): Promise<string>;

  async run(command: string, seconds: number): Promise<Outcome> {
    this.put(FILES.command, command);
    for (const old of [FILES.output, FILES.status]) rmSync(join(this.shared, old), { force: true });
    const console = await this.start(seconds);
    const status = this.read(FILES.status);
    const output = this.read(FILES.output) ?? '';
    if (status !== undefined) return { status: Number(status), output };
    return { status: NOT_REACHED, output: `${output}\n${console.slice(-4000)}` };
  }

  put(name: string, content: string): void {
    const path = join(this.shared, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  get(name: string): string {
    return readFileSync(join(this.shared, name), 'utf8');
  }

  has(name: string): boolean {
    return existsSync(join(this.shared, name));
  }

  close(): void {
    rmSync(this.shared, { recursive: true, force: true });
  }

  private read(name: string): string | undefined {
    try {
      return this.get(name);
    } catch {
      return undefined;
    }
  }
}

const FILES = { command: '.rig/command', output: '.rig/output', status: '.rig/status' } as const;

/** Runs the command that lies in the shared folder; the machine is then no longer needed. */
export function runnerScript(shared: string): string {
  const at = (file: string) => join(shared, file);
  return `cd ${shared}; bash ${at(FILES.command)} > ${at(FILES.output)} 2>&1; echo $? > ${at(FILES.status)}`;
}

/** The unit of systemd that a machine starts instead of a usual target. The folder's name needs no quotes. */
export function rigService(shared: string): string {
  return `[Unit]
After=dbus.service
Wants=dbus.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
Environment=HOME=/root PATH=${process.env.PATH}
ExecStart=/bin/bash ${join(shared, '.rig/runner')}
`;
}

/** A program that is the machine: it ends with it. Killed, with all that it started, when its time is over. */
export function runToEnd(argv: readonly string[], seconds: number, env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn('timeout', ['--kill-after=5', String(seconds), ...argv], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let output = '';
    const take = (chunk: Buffer) => {
      output += chunk;
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('error', reject);
    child.on('close', () => resolve(output));
  });
}
