// Checks what the project is built from: licences, sources, hashes, install scripts; known vulnerabilities where the registry
// or the advisory database answers. cargo-deny checks deny.toml in full where it is installed; CI installs it.
//
//   --advisories=required   what could not be checked is a failure: for who must not ship without an answer
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { root } from './prepare.mjs';
import { allowedLicences, crateLicenceComplaints, crateSourceComplaints, npmComplaints } from './supply-chain.mjs';

/** Fewer than this were read: a check that reads nothing finds nothing. */
const FEWEST = 100;
const CARGO_DENY = '0.20.2';
/** Milliseconds that building it may take; two cores need two to four minutes. */
const BUILD_MS = 15 * 60_000;

const read = (name) => readFileSync(join(root, name), 'utf8');
const run = (command, args, timeout = 120_000) =>
  spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, timeout });

const { values: flags } = parseArgs({ options: { advisories: { type: 'string', default: 'optional' } } });
if (!['optional', 'required'].includes(flags.advisories)) {
  console.error('check-supply-chain: --advisories is required or optional');
  process.exit(2);
}

const complaints = [];
/** What could not be checked from here, and why. */
const unchecked = [];

function crates(allowed) {
  const lock = read('Cargo.lock');
  complaints.push(...crateSourceComplaints(lock));
  const host = /^host: (\S+)/m.exec(run('rustc', ['-vV']).stdout ?? '')?.[1];
  const args = ['metadata', '--locked', '--format-version=1', ...(host ? [`--filter-platform=${host}`] : [])];
  const { status, stdout, stderr } = run('cargo', args);
  if (status !== 0) throw new Error(`cargo metadata failed: ${stderr}`);
  const metadata = JSON.parse(stdout);
  complaints.push(...crateLicenceComplaints(metadata, allowed));
  return metadata.packages.length;
}

function npm(allowed) {
  const lock = JSON.parse(read('package-lock.json'));
  complaints.push(...npmComplaints(lock, allowed));
  return Object.keys(lock.packages).length;
}

/** Vulnerabilities of what ships, from high up. Mirrors without that service answer 405, or not at all. */
function npmAdvisories() {
  const { stdout } = run('npm', ['audit', '--omit=dev', '--audit-level=high', '--json', '--fetch-retries=0']);
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    answer = {};
  }
  if (!answer.metadata?.vulnerabilities) {
    unchecked.push(`npm advisories: ${answer.message ?? answer.error?.summary ?? 'the registry does not answer'}`);
    return;
  }
  for (const [name, { severity }] of Object.entries(answer.vulnerabilities ?? {})) {
    if (severity === 'high' || severity === 'critical')
      complaints.push(`${name}: ${severity} vulnerability (npm audit)`);
  }
}

/** Whether cargo-deny is there. Built on the spot in CI alone: elsewhere a check should not take minutes. */
function hasCargoDeny() {
  const isThere = () => run('cargo-deny', ['--version']).status === 0;
  if (isThere()) return true;
  if (!process.env.CI) return false;
  run('cargo', ['install', 'cargo-deny', '--locked', '--version', CARGO_DENY], BUILD_MS);
  return isThere();
}

function cargoDeny() {
  if (!hasCargoDeny()) {
    unchecked.push('crate advisories: cargo-deny is not installed');
    return;
  }
  const rules = run('cargo-deny', ['check', 'licenses', 'bans', 'sources']);
  if (rules.status !== 0) complaints.push(`cargo deny check licenses bans sources:\n${rules.stderr}`);
  const advisories = run('cargo-deny', ['check', 'advisories']);
  if (advisories.status === 0) return;
  if (/failed to fetch advisory database/.test(advisories.stderr)) {
    unchecked.push('crate advisories: their database cannot be fetched from here');
  } else complaints.push(`cargo deny check advisories:\n${advisories.stderr}`);
}

const allowed = allowedLicences(read('deny.toml'));
const seen = [npm(allowed), crates(allowed)];
if (allowed.length === 0 || Math.min(...seen) < FEWEST) {
  console.error(
    `check-supply-chain: saw ${seen.join(' and ')} packages and ${allowed.length} licences: it does not read the files`,
  );
  process.exit(1);
}
npmAdvisories();
cargoDeny();
if (flags.advisories === 'required') complaints.push(...unchecked.splice(0).map((what) => `not checked: ${what}`));
for (const complaint of complaints) console.error(`error: ${complaint}`);
for (const what of unchecked) console.log(`not checked: ${what}`);
console.log(`${seen[0]} npm packages, ${seen[1]} crates, ${complaints.length} complaints`);
process.exit(complaints.length > 0 ? 1 : 0);
