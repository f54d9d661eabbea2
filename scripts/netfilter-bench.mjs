// `npm run bench -- netfilter [--mode nftables|iptables|ipvs] [--services N]`: what it takes to write the rules of all Services, and to
// change one of them, by the library that the agent uses. Each measurement is a process of its own in a network namespace of its own.
// Exit status 1 when a goal is missed. Needs root; a mode that the kernel lacks is skipped.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(import.meta.url);
const ENDPOINTS = 5;
const CHANGES = 31;
const CONNECTIONS = 2000;
/** Of this namespace, among the addresses of pods. */
const OWN = '10.255.255.1';

/** Most milliseconds and MB; none: shown only. Of iptables only what Berth takes beyond the programs themselves. */
const GOALS = {
  nftables: {
    10000: { full: 1000, endpoint: 10, count: 10 },
    44000: { full: 5000, endpoint: 20, count: 20, memory: 150 },
  },
  iptables: { 1000: { overPrograms: 1.2 }, 10000: { overPrograms: 1.2 } },
  ipvs: { 10000: { full: 2000, endpoint: 5, count: 5 } },
};
const FIGURES = {
  full: 'full write, ms',
  again: 'full write over the old rules, ms',
  endpoint: 'an endpoint is another one, ms',
  count: 'an endpoint more or less, ms',
  first: 'the same, to a number that no Service has, ms',
  memory: 'memory, MB',
  overPrograms: 'full write / iptables-restore --noflush',
  connect: 'new connection, µs',
};

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const residentMegabytes = () => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;

/** Service `number`, each with its own endpoints; `turn` changes the last one. */
function views(number, turn, count) {
  const high = number >> 8;
  const low = number & 255;
  const endpoints = Array.from({ length: count }, (_, at) => {
    const last = at === count - 1 ? turn : 0;
    const place = number * ENDPOINTS + at;
    return { ip: `10.${128 + (place >> 16)}.${(place >> 8) & 255}.${place & 255}`, port: 8080 + last, local: at === 0 };
  });
  const port = { name: 'http', protocol: 'TCP', port: 80, endpoints };
  const service = { namespace: `shop-${high}`, name: `web-${low}`, clusterIp: `10.${high >> 7}.${high & 127}.${low}` };
  return [`${service.namespace}/${service.name}`, JSON.stringify([{ family: 'IPv4', ...service, ports: [port] }])];
}

/** Milliseconds that the library takes to bring what was set into the kernel. */
async function synced(rules) {
  const begun = performance.now();
  const { refused, flowsProblem } = await rules.sync();
  if (refused.length > 0 || flowsProblem) throw new Error(refused[0]?.message ?? flowsProblem);
  return performance.now() - begun;
}

async function changed(rules, of) {
  const took = [];
  for (let turn = 1; turn <= CHANGES; turn++) {
    rules.setService(...of(turn));
    took.push(await synced(rules));
  }
  return median(took);
}

/** Median microseconds from a client of this namespace to a server behind a Service. */
async function newConnection(rules, number) {
  const server = createServer((socket) => socket.end()).listen(8080, OWN);
  const [name, text] = views(number, 0, 1);
  const [view] = JSON.parse(text);
  view.ports[0].endpoints = [{ ip: OWN, port: 8080 }];
  rules.setService(name, JSON.stringify([view]));
  await synced(rules);
  const took = [];
  for (let turn = 0; turn < CONNECTIONS; turn++) {
    const begun = performance.now();
    const socket = connect(80, view.clusterIp);
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    took.push(1000 * (performance.now() - begun));
    socket.destroy();
  }
  server.close();
  return median(took);
}

/**
 * A full write, and what the programs of iptables take for the same rules without Berth: medians, in turn. Like Berth they leave rules
 * of others alone.
 */
async function besidePrograms(rules, first) {
  const saved = execFileSync('iptables-save', { maxBuffer: 1 << 30 });
  const [ours, programs] = [[first], []];
  for (let turn = 0; turn < 3; turn++) {
    await rules.cleanup();
    const begun = performance.now();
    execFileSync('iptables-restore', ['--noflush'], { input: saved });
    programs.push(performance.now() - begun);
    await rules.cleanup();
    ours.push(await synced(rules));
  }
  return { full: median(ours), overPrograms: median(ours) / median(programs) };
}

/** Runs in its own namespace; prints figures as JSON. */
async function measure(mode, services) {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  execFileSync('ip', ['address', 'add', `${OWN}/32`, 'dev', 'lo']);
  execFileSync('ip', ['route', 'add', 'default', 'dev', 'lo', 'src', OWN]);
  const { openRuleProxy, ProxyModeError } = await import('../dist/apps/node-agent/src/network/netfilter.js');
  const config = {
    families: ['IPv4'],
    clusterCidrs: ['10.128.0.0/9'],
    serviceCidrs: ['10.0.0.0/9'],
    nodePortAddresses: [],
    localhostNodePorts: true,
    ipvs: { scheduler: 'rr', strictArp: false, excludeCidrs: [], timeouts: { tcp: 0, tcpFin: 0, udp: 0 } },
  };
  const open = () => openRuleProxy(mode, config);
  let rules;
  try {
    rules = open();
  } catch (error) {
    if (error instanceof ProxyModeError) return { skipped: error.message };
    throw error;
  }
  const before = residentMegabytes();
  const set = (proxy) => {
    for (let number = 0; number < services; number++) proxy.setService(...views(number, 0, ENDPOINTS));
  };
  set(rules);
  const figures = { full: await synced(rules) };
  const middle = services >> 1;
  figures.endpoint = await changed(rules, (turn) => views(middle, turn, ENDPOINTS));
  figures.first = await changed(rules, (turn) => views(middle, 0, ENDPOINTS + (turn % 2)));
  rules.setService(...views(0, 0, ENDPOINTS + 1));
  await synced(rules);
  figures.count = await changed(rules, (turn) => views(middle, 0, ENDPOINTS + (turn % 2)));
  globalThis.gc();
  figures.memory = residentMegabytes() - before;
  if (mode === 'iptables') {
    Object.assign(figures, await besidePrograms(rules, figures.full));
  } else {
    figures.connect = await newConnection(rules, middle);
    const next = open();
    set(next);
    figures.again = await synced(next);
  }
  await rules.cleanup();
  return figures;
}

/** False when a goal is missed. */
function report(mode, services, figures) {
  console.log(`${mode}, ${services} Services of ${ENDPOINTS} endpoints`);
  if (figures.skipped) {
    console.log(`  skipped: ${figures.skipped}`);
    return true;
  }
  let met = true;
  for (const [figure, label] of Object.entries(FIGURES)) {
    const value = figures[figure];
    if (value === undefined) continue;
    const goal = GOALS[mode][services]?.[figure];
    const missed = goal !== undefined && value > goal;
    met &&= !missed;
    const shown = `  ${label.padEnd(44)}${value.toFixed(value < 10 ? 2 : 0).padStart(8)}`;
    console.log(goal === undefined ? shown : `${shown}   goal ${goal}${missed ? ': missed' : ''}`);
  }
  return met;
}

/** `mode`, `services`: undefined: each that has a goal. */
export function benchNetfilter(mode, services) {
  if (process.getuid() !== 0) throw new Error('the kernel takes rules from root only');
  if (mode !== undefined && !Object.hasOwn(GOALS, mode)) throw new Error(`no goals for mode ${mode}`);
  let met = true;
  for (const one of mode === undefined ? Object.keys(GOALS) : [mode]) {
    for (const count of services === undefined ? Object.keys(GOALS[one]).map(Number) : [services]) {
      const child = [process.execPath, '--expose-gc', PROGRAM, 'measure', one, String(count)];
      const { status, stdout } = spawnSync('unshare', ['--net', ...child], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      if (status !== 0) throw new Error(`the measurement of ${one} ended with ${status}`);
      met = report(one, count, JSON.parse(stdout)) && met;
    }
  }
  return met;
}

if (process.argv[2] === 'measure') {
  console.log(JSON.stringify(await measure(process.argv[3], Number(process.argv[4]))));
  process.exit(0);
}
