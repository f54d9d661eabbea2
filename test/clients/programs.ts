import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installation } from '#host';

/**
 * Clients that other people wrote, from the registries of their languages. Everything that is fetched or built lies below
 * node_modules/.cache/clients, so that a second run needs no network.
 */
const CACHE = join(installation, 'node_modules', '.cache', 'clients');
const SOURCES = join(installation, 'test', 'clients');
const MINUTE = 60_000;

/** A command to run a client with, or why there is none here. */
export type Program = { command: string[]; missing?: undefined } | { command?: undefined; missing: string };

export interface Ended {
  code: number;
  output: string;
}

/** Runs a command to its end; its output is what it says on both streams. */
export function run(
  [program, ...args]: readonly string[],
  { env = {}, cwd, timeoutMs = MINUTE }: { env?: Record<string, string>; cwd?: string; timeoutMs?: number } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program!, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
    const timer = setTimeout(() => {
      output += `\nstill running after ${timeoutMs / 1000} s`;
      child.kill('SIGKILL');
    }, timeoutMs);
    const end = (code: number): void => {
      clearTimeout(timer);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += error.message;
      end(127);
    });
    child.on('close', (code) => end(code ?? 1));
  });
}

type Steps = Record<'fetch' | 'build', string[][]>;

/**
 * Prepares a client. When a step of `fetch` fails, the client is missing, and the end of the output is the reason.
 *
 * @throws when a step of `build` fails: what was fetched is there, so the program is wrong
 */
async function prepared(
  command: string[],
  { fetch, build }: Steps,
  options: Parameters<typeof run>[1] = {},
): Promise<Program> {
  for (const step of [...fetch, ...build]) {
    const { code, output } = await run(step, { timeoutMs: 30 * MINUTE, ...options });
    if (code === 0) continue;
    if (build.includes(step)) throw new Error(`${step.join(' ')}:\n${output.trim()}`);
    return { missing: `${step.slice(0, 3).join(' ')}: ${output.trim().slice(-300).replaceAll('\n', ' ')}` };
  }
  return { command };
}

/** Go programs are large: they are built with one core, and let others go first. */
const GO_BUILD = ['nice', '-n', '10', 'go'];
const GO_ENV = { GOFLAGS: '-mod=readonly -p=1', CGO_ENABLED: '0' };

/** The Go program in the folder `name` beside this file. */
export function goProgram(name: string): Promise<Program> {
  const target = join(CACHE, 'go', name);
  const steps = { fetch: [['go', 'list', '-deps', '.']], build: [[...GO_BUILD, 'build', '-o', target, '.']] };
  return prepared([target], steps, { cwd: join(SOURCES, name), env: GO_ENV });
}

/** A command of a Go module at a version. It is missing too where it cannot be built: it is not ours to mend. */
export async function goCommand(module: string, version: string): Promise<Program> {
  const folder = join(CACHE, 'go', `${module.replaceAll('/', '_')}@${version}`);
  const target = join(folder, module.slice(module.lastIndexOf('/') + 1));
  if (existsSync(target)) return { command: [target] };
  const steps = { fetch: [[...GO_BUILD, 'install', `${module}@${version}`]], build: [] };
  return prepared([target], steps, { env: { ...GO_ENV, GOFLAGS: '-p=1', GOBIN: folder } });
}

/** The Go program of the folder `name` beside this file with one of its modules at another version, for which there is no go.sum. `ldflags` are the linker's. */
export async function goProgramAt(name: string, module: string, version: string, ldflags = ''): Promise<Program> {
  const folder = copied(name, `${name}@${version}`);
  const target = join(folder, 'program');
  if (existsSync(target)) return { command: [target] };
  const fetch = [
    ...(existsSync(join(folder, 'go.mod')) ? [] : [['go', 'mod', 'init', `berth.io/${name}`]]),
    ['go', 'get', `${module}@${version}`],
    ['go', 'mod', 'tidy'],
  ];
  const build = [[...GO_BUILD, 'build', '-ldflags', ldflags, '-o', target, '.']];
  return prepared([target], { fetch, build }, { cwd: folder, env: { ...GO_ENV, GOFLAGS: '-p=1' } });
}

/** The program `program.mjs` in the folder `name`, with the packages of its package.json, which need that major version of Node. */
export async function nodeProgram(name: string, leastNode: number): Promise<Program> {
  const node = Number(process.versions.node.split('.')[0]);
  if (node < leastNode) return { missing: `it takes Node.js ${leastNode}, and this is ${process.version}` };
  const folder = copied(name);
  const fetch = [['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']];
  return prepared([process.execPath, join(folder, 'program.mjs')], { fetch, build: [] }, { cwd: folder });
}

/** The program `program.py` in the folder `name`, with the packages of its requirements.txt. */
export function pythonProgram(name: string): Promise<Program> {
  const folder = copied(name);
  const python = join(folder, 'venv', 'bin', 'python');
  const fetch = [
    ...(existsSync(python) ? [] : [['python3', '-m', 'venv', 'venv']]),
    [python, '-m', 'pip', 'install', '--quiet', '-r', 'requirements.txt'],
  ];
  return prepared([python, join(folder, 'program.py')], { fetch, build: [] }, { cwd: folder });
}

/** A program that this machine has anyway. */
export async function installedProgram(name: string): Promise<Program> {
  const { code } = await run([name, '--help']);
  return code === 127 ? { missing: `this machine has no ${name}` } : { command: [name] };
}

/** The Rust program in the folder `name`, a workspace of its own. */
export function rustProgram(name: string): Promise<Program> {
  const target = join(CACHE, name, 'target');
  const fetch = [['cargo', 'fetch', '--locked', '--target', 'host-tuple']];
  const build = [['nice', '-n', '10', 'cargo', 'build', '--locked', '--jobs=1', '--target-dir', target]];
  return prepared([join(target, 'debug', name)], { fetch, build }, { cwd: join(SOURCES, name) });
}

/** The folder's copy in the cache: packages are installed beside it. */
function copied(name: string, as = name): string {
  const folder = join(CACHE, as);
  mkdirSync(folder, { recursive: true });
  cpSync(join(SOURCES, name), folder, { recursive: true });
  return folder;
}

/** Where the files of a client are, for those that only read them. */
export function clientFiles(...path: string[]): string {
  return join(SOURCES, ...path);
}

/** Makes a folder for a client's own files. */
export function scratch(name: string): string {
  const folder = join(CACHE, 'scratch', name);
  mkdirSync(folder, { recursive: true });
  return folder;
}
