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

/** With this line, Go begins what its compiler says of a package. */
const COMPILER_ERRORS = /^# /m;

/**
 * Runs what prepares a client. The end of its output is the reason when it fails. Throws an Error when the program itself does not
 * compile, which no machine is to blame for.
 */
async function prepared(
  command: string[],
  steps: string[][],
  options: Parameters<typeof run>[1] = {},
): Promise<Program> {
  for (const step of steps) {
    const { code, output } = await run(step, { timeoutMs: 30 * MINUTE, ...options });
    if (code === 0) continue;
    if (COMPILER_ERRORS.test(output)) throw new Error(`${step.join(' ')}: ${output.slice(-2000)}`);
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
  return prepared([target], [[...GO_BUILD, 'build', '-o', target, '.']], { cwd: join(SOURCES, name), env: GO_ENV });
}

/** The Go program of the folder `name` beside this file with one of its modules at another version, for which there is no go.sum. `ldflags` are the linker's. */
export async function goProgramAt(name: string, module: string, version: string, ldflags = ''): Promise<Program> {
  const folder = copied(name, `${name}@${version}`);
  const target = join(folder, 'program');
  if (existsSync(target)) return { command: [target] };
  const steps = [
    ['go', 'mod', 'init', `berth.io/${name}`],
    ['go', 'get', `${module}@${version}`],
    ['go', 'mod', 'tidy'],
    [...GO_BUILD, 'build', '-ldflags', ldflags, '-o', target, '.'],
  ].filter(([, , verb]) => verb !== 'init' || !existsSync(join(folder, 'go.mod')));
  return prepared([target], steps, { cwd: folder, env: { ...GO_ENV, GOFLAGS: '-p=1' } });
}

/** The program `program.mjs` in the folder `name`, with the packages of its package.json, which need that major version of Node. */
export async function nodeProgram(name: string, leastNode: number): Promise<Program> {
  const node = Number(process.versions.node.split('.')[0]);
  if (node < leastNode) return { missing: `it takes Node.js ${leastNode}, and this is ${process.version}` };
  const folder = copied(name);
  const install = ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline'];
  return prepared([process.execPath, join(folder, 'program.mjs')], [install], { cwd: folder });
}

/** The program `program.py` in the folder `name`, with the packages of its requirements.txt. */
export function pythonProgram(name: string): Promise<Program> {
  const folder = copied(name);
  const python = join(folder, 'venv', 'bin', 'python');
  const steps = [
    ...(existsSync(python) ? [] : [['python3', '-m', 'venv', 'venv']]),
    [python, '-m', 'pip', 'install', '--quiet', '-r', 'requirements.txt'],
  ];
  return prepared([python, join(folder, 'program.py')], steps, { cwd: folder });
}

/** A program that this machine has anyway. */
export async function installedProgram(name: string): Promise<Program> {
  const { code } = await run([name, '--help']);
  return code === 127 ? { missing: `this machine has no ${name}` } : { command: [name] };
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
