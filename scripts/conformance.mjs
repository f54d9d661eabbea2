// `npm run conformance`: the upstream conformance suite against a running Berth, and the ledger of its results.
//
//   npm run conformance -- run [--list FILE | --focus REGEX] [--parallel N] [--kubeconfig FILE]
//   npm run conformance -- ledger        writes docs/conformance.md from the last results
//
// The suite is not part of the project: it lies in ../shared/conformance, or where $CONFORMANCE_SUITE says, and has to be
// built there first (see its README).
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { root } from './prepare.mjs';

const suite = process.env.CONFORMANCE_SUITE ?? join(root, '..', 'shared', 'conformance');
const [verb, ...args] = process.argv.slice(2);
const home = process.env.CONFORMANCE_HOME ?? join(homedir(), '.cache', 'conformance');
const results = join(home, 'results');
const ledger = join(root, 'docs', 'conformance.md');
const notes = join(root, 'docs', 'conformance-notes.json');

if (!existsSync(join(suite, 'run'))) {
  console.error(`conformance: no suite in ${suite}; set CONFORMANCE_SUITE to where it is`);
  process.exit(1);
}

function run() {
  const kubeconfig = args.includes('--kubeconfig') ? [] : ['--kubeconfig', '/var/lib/berth/kubeconfig'];
  const what = args.some((arg) => ['--list', '--focus', '--all'].includes(arg))
    ? []
    : ['--list', join(suite, 'names', 'open.txt')];
  mkdirSync(results, { recursive: true });
  const { status } = spawnSync(join(suite, 'run'), [...kubeconfig, '--content-type', 'json', ...what, ...args], {
    stdio: 'inherit',
    cwd: home,
  });
  process.exit(status ?? 1);
}

const CIRCUMSTANCES = [
  'Three tests want more than `berth up` gives by itself:',
  '',
  '- "Conformance Tests should have at least two untainted nodes" and "Daemon set should rollback without unnecessary restarts"',
  '  want a second node. It is a hollow one: `berth hollow-node --count 1`, which runs the agent on a runtime that runs nothing.',
  '- "ImageVolume should succeed with pod and pull policy of Always" pulls an image that the node has. The registry of the suite',
  '  serves it: a `hosts.toml` in `containerd/certs.d/registry.k8s.io` of the data directory names it as a mirror.',
  '',
];

/** Results by test name, of the newest junit.xml below the results folder. */
function readResults() {
  const files = readdirSync(results, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('junit.xml'),
  );
  if (files.length === 0) throw new Error(`no junit.xml below ${results}: run the suite first`);
  const outcomes = new Map();
  const unescaped = (text) =>
    text
      .replace(/&#34;|&quot;/g, '"')
      .replace(/&#39;|&apos;/g, "'")
      .replace(/&lt;/g, '<')
      .replace(/&gt;/g, '>')
      .replace(/&amp;/g, '&');
  for (const file of files) {
    const text = readFileSync(join(results, file), 'utf8');
    for (const [, attributes, body] of text.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
      const name = unescaped(/\bname="([^"]*)"/.exec(attributes)?.[1] ?? '');
      outcomes.set(
        name,
        /<failure|<error/.test(body ?? '') ? 'failed' : /<skipped/.test(body ?? '') ? 'skipped' : 'passed',
      );
    }
  }
  return outcomes;
}

function writeLedger() {
  const names = readFileSync(join(suite, 'names', 'open.txt'), 'utf8')
    .trim()
    .split('\n');
  const outcomes = readResults();
  const why = existsSync(notes) ? JSON.parse(readFileSync(notes, 'utf8')) : {};
  const reasonOf = (name) => Object.entries(why).find(([part]) => name.includes(part))?.[1] ?? 'not looked at yet';
  const areas = new Map();
  for (const name of names) {
    const area = /^\[([^\]]+)\]/.exec(name)?.[1] ?? 'other';
    const row = areas.get(area) ?? { passed: 0, all: 0 };
    row.all++;
    if (outcomes.get(name) === 'passed') row.passed++;
    areas.set(area, row);
  }
  const passed = [...areas.values()].reduce((sum, row) => sum + row.passed, 0);
  const failing = names
    .filter((name) => outcomes.get(name) !== 'passed')
    .map((name) => `- ${name}: ${outcomes.has(name) ? '' : 'not run; '}${reasonOf(name)}`);
  const lines = [
    '# Conformance ledger',
    '',
    `Upstream suite v1.37, the ${names.length} open names: **${passed} pass**. Written by \`npm run conformance -- ledger\`.`,
    '',
    '| area | passed | of |',
    '|---|---|---|',
    ...[...areas].sort().map(([area, row]) => `| ${area} | ${row.passed} | ${row.all} |`),
    '',
    ...CIRCUMSTANCES,
    ...(failing.length > 0 ? ['## Not passing', '', ...failing, ''] : []),
  ];
  writeFileSync(ledger, lines.join('\n'));
  console.log(`${passed} of ${names.length} pass; ${ledger}`);
}

if (verb === 'run') run();
else if (verb === 'ledger') writeLedger();
else {
  console.error('conformance takes: run, or ledger');
  process.exit(2);
}
