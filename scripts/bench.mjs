// `npm run bench -- api|scheduler|controllers|restart|podstart|rollout [flags]`: the same work on Berth and on the reference, in turn, as ratios.
//
// The loads and the reference are not part of the project: they lie in ../shared/bench and ../shared/conformance, or where
// $BENCH_SUITE and $CONFORMANCE_SUITE say; build them first (their READMEs say how). Needs root for podstart.
//
//   --rounds N       how many times both are measured (default 1; medians are compared)
//   --pods N         api: pods to create (default 5000); controllers: pods of one Deployment (default 5000);
//                    scheduler: measured pods (default 3000); rollout and restart: pods (default 3000)
//   --nodes N        scheduler: nodes (default 5000); rollout: hollow nodes (default 200)
//   --deployments N  rollout and restart: Deployments that share the pods (default 30)
//   --workload NAME  scheduler: see schedbench (default basic)
//   --protobuf       api: the load speaks protobuf instead of JSON
//   --only NAME      only `berth` or only `reference`: no ratios
//
// `npm run bench -- fairness` measures Berth alone: see fairness-bench.mjs.
//   --connections N  of the flood (default 200)
//   --seconds N      of each measurement (default 10)
//
// `npm run bench -- netfilter` measures the rules of Services, and fails when a goal is missed: see netfilter-bench.mjs.
//   --mode NAME      nftables, iptables or ipvs (default: all that the kernel has)
//   --services N     (default: the numbers that have goals)
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureControllers } from './bench-controllers.mjs';
import { missingPrograms, referenceControlPlane } from './bench-reference.mjs';
import { measureRestart } from './bench-restart.mjs';
import { measureRollout } from './bench-rollout.mjs';
import { PrepareError, prepare, root } from './prepare.mjs';
import { memoryOf, processorTimeOf, processTree } from './process-usage.mjs';

const bench = process.env.BENCH_SUITE ?? join(root, '..', 'shared', 'bench');
const conformance = process.env.CONFORMANCE_SUITE ?? join(root, '..', 'shared', 'conformance');
const cache = join(homedir(), '.cache', 'bench');
const conformanceHome = process.env.CONFORMANCE_HOME ?? join(homedir(), '.cache', 'conformance');

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '1' },
    pods: { type: 'string' },
    nodes: { type: 'string' },
    deployments: { type: 'string', default: '30' },
    workload: { type: 'string', default: 'basic' },
    protobuf: { type: 'boolean', default: false },
    only: { type: 'string' },
    connections: { type: 'string', default: '200' },
    seconds: { type: 'string', default: '10' },
    mode: { type: 'string' },
    services: { type: 'string' },
  },
});
const [what] = positionals;

class BenchError extends Error {}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 1 << 28,
    ...options,
  });
  if (result.error) throw new BenchError(`${command}: ${result.error.message}`);
  if (result.status !== 0)
    throw new BenchError(`${command} ${args.join(' ')}: exit ${result.status}\n${result.stdout}`);
  return result.stdout;
}

/** Builds a load generator once and returns its path. */
function load(name) {
  const program = join(cache, name);
  if (!existsSync(join(bench, name))) throw new BenchError(`no ${name} in ${bench}; set BENCH_SUITE`);
  if (!existsSync(program)) run('go', ['build', '-o', program, '.'], { cwd: join(bench, name) });
  return program;
}

/** Berth's control plane alone, on a data directory of its own. */
function berth({ node = false, components = 'api,controllers,scheduler', more = [] } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'berth-bench-'));
  // PostgreSQL's own user passes through it.
  chmodSync(directory, 0o755);
  const data = join(directory, 'data');
  const environment = { ...process.env, HOME: directory, KUBECONFIG: join(directory, 'kubeconfig') };
  const cli = (...args) => run(process.execPath, [join(root, 'bin', 'berth.mjs'), ...args], { env: environment });
  const ports = ['--secure-port=17443', '--agent-port=17250', '--dns-port=17053', '--disable=ingress'];
  return {
    name: 'berth',
    up: () =>
      cli(
        'up',
        `--data-dir=${data}`,
        `--components=${components}`,
        ...ports,
        ...more,
        ...(node ? ['--cgroup-root=/berth-bench'] : ['--no-node']),
      ),
    stop: () => cli('down', `--data-dir=${data}`),
    down: () => {
      cli('delete', `--data-dir=${data}`);
      rmSync(directory, { recursive: true, force: true });
    },
    kubeconfig: join(data, 'kubeconfig'),
    socket: join(data, 'run', 'containerd', 'containerd.sock'),
    ...usageOfCommands(directory),
  };
}

function reference({ scheduler = false } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'reference-bench-'));
  const place = join(directory, 'cluster');
  const script = join(bench, 'reference');
  if (!existsSync(script)) throw new BenchError(`no reference in ${bench}; set BENCH_SUITE`);
  return {
    name: 'reference',
    // Its servers keep the script's output open: they must not get a pipe that we wait for.
    up: () =>
      run(script, ['up', place, ...(scheduler ? ['--scheduler'] : [])], { stdio: ['ignore', 'ignore', 'ignore'] }),
    down: () => {
      run(script, ['down', place], { stdio: ['ignore', 'ignore', 'ignore'] });
      rmSync(directory, { recursive: true, force: true });
    },
    kubeconfig: join(place, 'kubeconfig'),
    ...usageOfCommands(`${place}|127[.]0[.]0[.]1:12379`),
  };
}

/** The reference with its controllers. */
function referenceWithControllers() {
  const programs = join(conformanceHome, 'bin');
  const missing = missingPrograms(programs);
  if (missing.length > 0) {
    throw new BenchError(`no ${missing.join(', ')} in ${programs}: set CONFORMANCE_HOME, or measure with --only berth`);
  }
  const system = referenceControlPlane(programs);
  const own = ({ pid }) => system.pids().includes(Number(pid));
  return { ...system, ...usageOf(own) };
}

/** @param match an expression for command lines, as the loads take it */
function usageOfCommands(match) {
  const expression = new RegExp(match);
  // The load names the system's files, too.
  return { match, ...usageOf(({ command }) => expression.test(command) && !command.includes(cache)) };
}

/** MB and seconds of the processes that are wanted, and of all below them. */
function usageOf(wanted) {
  return { memory: () => memoryOf(processTree(wanted)), processor: () => processorTimeOf(processTree(wanted)) };
}

function measureApi(system) {
  const args = ['-kubeconfig', system.kubeconfig, '-pods', flags.pods ?? '5000', '-match', system.match];
  if (flags.protobuf) args.push('-protobuf');
  return spawnLoad(load('apibench'), args, system);
}

/** Runs apibench; memory is read at its largest, as the objects are there only until the load deletes them. */
async function spawnLoad(program, args, system) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  let largest = 0;
  const timer = setInterval(() => {
    largest = Math.max(largest, system.memory());
  }, 1500);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  if (code !== 0) throw new BenchError(`${program}: exit ${code}`);
  const result = JSON.parse(output);
  return {
    'create /s': result.create.per_s,
    'create p99 ms': -result.create.p99_ms,
    'get /s': result.get.per_s,
    'patch /s': result.patch.per_s,
    'status /s': result.status.per_s,
    'list of all /s': result.list_all.per_s,
    'list by label /s': result.list_by_label.per_s,
    'watch events /s': result.watch_fanout.events_per_s,
    'watch events lost': result.watch_fanout.lost,
    'delete /s': result.delete.per_s,
    errors: ['create', 'get', 'patch', 'status', 'delete'].reduce((sum, phase) => sum + result[phase].errors, 0),
    'memory MB': -largest,
    // Milliseconds of processor time for each operation: of the servers, without the client.
    'create cpu': -result.create.server_cpu_ms,
    'get cpu': -result.get.server_cpu_ms,
    'patch cpu': -result.patch.server_cpu_ms,
    'status cpu': -result.status.server_cpu_ms,
    'list of all cpu': -result.list_all.server_cpu_ms,
    'list by label cpu': -result.list_by_label.server_cpu_ms,
    'watch cpu an update': -result.watch_fanout.server_cpu_ms_per_update,
    'delete cpu': -result.delete.server_cpu_ms,
  };
}

async function measureScheduler(system) {
  const args = [
    '-kubeconfig',
    system.kubeconfig,
    '-nodes',
    flags.nodes ?? '5000',
    '-pods',
    flags.pods ?? '3000',
    '-workload',
    flags.workload,
  ];
  const result = JSON.parse(run(load('schedbench'), args));
  const figures = Object.entries(result).filter(([, value]) => typeof value === 'number');
  return Object.fromEntries(figures.map(([name, value]) => [name, /(?<!per)_s$/.test(name) ? -value : value]));
}

function measurePodstart(system) {
  const image = 'registry.k8s.io/pause:3.10.2';
  const output = run(join(conformance, 'podstart'), ['--kubeconfig', system.kubeconfig, '--image', image]);
  const [, single] = /one by one: median ([\d.]+)/.exec(output);
  const [, worst] = /one by one:.*most ([\d.]+)/.exec(output);
  const [, all] = /ran ([\d.]+) s after/.exec(output);
  return { 'one pod, median s': -Number(single), 'one pod, worst s': -Number(worst), '30 at once, s': -Number(all) };
}

/** The reference with a node lives in a network namespace of its own. */
function referenceCluster() {
  const script = join(conformance, 'reference');
  const kubeconfig = join(conformanceHome, 'reference', 'admin.kubeconfig');
  return {
    name: 'reference',
    up: () => run(script, ['up', '--node'], { stdio: ['ignore', 'ignore', 'ignore'] }),
    down: () => run(script, ['down'], { stdio: ['ignore', 'ignore', 'ignore'] }),
    kubeconfig,
    measure: () => {
      const output = run(script, ['exec', join(conformance, 'podstart'), '--kubeconfig', kubeconfig]);
      return output;
    },
  };
}

function podstartOf(system) {
  if (!system.measure) {
    run(join(conformance, 'load'), ['--address', system.socket]);
    return measurePodstart(system);
  }
  const output = system.measure();
  const number = (pattern) => -Number(pattern.exec(output)[1]);
  return {
    'one pod, median s': number(/one by one: median ([\d.]+)/),
    'one pod, worst s': number(/one by one:.*most ([\d.]+)/),
    '30 at once, s': number(/ran ([\d.]+) s after/),
  };
}

const benches = {
  // The reference is kube-apiserver and etcd without controllers; so is ours.
  api: { berth: () => berth({ components: 'api' }), reference: () => reference(), measure: measureApi },
  scheduler: {
    berth: () => berth({ components: 'api,scheduler' }),
    reference: () => reference({ scheduler: true }),
    measure: measureScheduler,
  },
  // Berth alone: no runtime of the reference is hollow. The range has a part of its own for each of a thousand nodes.
  rollout: {
    berth: () => berth({ more: ['--cluster-cidr=10.128.0.0/9'] }),
    measure: (system) =>
      measureRollout(root, system, {
        nodes: Number(flags.nodes ?? 200),
        pods: Number(flags.pods ?? 3000),
        deployments: Number(flags.deployments),
      }),
  },
  controllers: {
    berth: () => berth({ components: 'api,controllers' }),
    reference: referenceWithControllers,
    measure: (system) =>
      measureControllers(system, Number(flags.pods ?? 5000), () => ({
        memory: system.memory(),
        processor: system.processor(),
      })),
  },
  // Berth alone: there is no such command for the reference.
  restart: {
    berth: () => berth({ components: 'api,controllers,scheduler' }),
    measure: (system) =>
      measureRestart(system, { pods: Number(flags.pods ?? 3000), deployments: Number(flags.deployments) }),
  },
  podstart: { berth: () => berth({ node: true }), reference: referenceCluster, measure: podstartOf },
};

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function main() {
  if (what === 'fairness') {
    await prepare({ node: false, test: true, database: true });
    const { benchFairness } = await import('./fairness-bench.mjs');
    await benchFairness(Number(flags.connections), Number(flags.seconds));
    return;
  }
  if (what === 'netfilter') {
    await prepare({ node: true, test: true });
    const { benchNetfilter } = await import('./netfilter-bench.mjs');
    if (!benchNetfilter(flags.mode, flags.services && Number(flags.services))) process.exitCode = 1;
    return;
  }
  const chosen = benches[what];
  if (!chosen) {
    const all = [...Object.keys(benches), 'fairness', 'netfilter'];
    throw new BenchError(`bench takes one of: ${all.join(', ')}`);
  }
  const names = ['berth', 'reference'].filter((name) => chosen[name] && (!flags.only || flags.only === name));
  if (names.length === 0) throw new BenchError(`${what} does not measure ${flags.only}`);
  await prepare({ node: what === 'podstart', test: false });
  const figures = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = 1; round <= Number(flags.rounds); round++) {
    for (const name of names) {
      const system = chosen[name]();
      console.error(`round ${round}: ${name}`);
      try {
        await system.up();
        figures[name].push(await chosen.measure(system));
      } finally {
        await system.down();
      }
    }
  }
  // Times and sizes are kept negative: for them, less is better, and the ratio is turned round.
  const rows = Object.keys(figures[names[0]][0]);
  console.log(
    [
      'figure'.padEnd(22),
      ...names.map((name) => name.padStart(12)),
      ...(names.length === 2 ? ['ratio'.padStart(8)] : []),
    ].join(''),
  );
  for (const row of rows) {
    const values = names.map((name) => median(figures[name].map((figure) => figure[row])));
    const [ours, theirs] = values;
    const ratio = ours < 0 ? theirs / ours : ours / theirs;
    const shown = values.map((value) =>
      Math.abs(value)
        .toFixed(Math.abs(value) < 10 ? 2 : 0)
        .padStart(12),
    );
    console.log(
      [
        row.padEnd(22),
        ...shown,
        ...(names.length === 2 && Number.isFinite(ratio) ? [`${ratio.toFixed(2)}x`.padStart(8)] : []),
      ].join(''),
    );
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BenchError) && !(error instanceof PrepareError)) throw error;
  console.error(`bench: ${error.message}`);
  process.exit(1);
}
