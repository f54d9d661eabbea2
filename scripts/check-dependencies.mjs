// Checks the import rules. Fails when it saw no modules, or too few: a tool that reads nothing finds nothing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cruise } from 'dependency-cruiser';
import extractTSConfig from 'dependency-cruiser/config-utl/extract-ts-config';
import { architectureProblems } from './architecture-tables.mjs';
import { nativeDoors, rules, specs, testing, withoutFolderCircles } from './dependency-rules.mjs';
import { folderCircles } from './folder-circles.mjs';
import { root } from './prepare.mjs';
import { circleOf, rustModules } from './rust-modules.mjs';

const FEWEST = 50;

process.chdir(root);
const folders = ['apps', 'libs'];
const { output } = await cruise(
  folders,
  {
    ruleSet: { forbidden: rules },
    validate: true,
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.(json|node)$' },
  },
  {
    extensions: ['.ts', '.js', '.mjs', '.json'],
    extensionAlias: { '.js': ['.ts', '.js'] },
    conditionNames: ['source', 'import', 'node', 'default'],
    exportsFields: ['exports'],
  },
  { tsConfig: extractTSConfig(join(root, 'tsconfig.json')) },
);
const { summary, modules } = output;
const own = modules.filter((module) => /^(apps|libs)\//.test(module.source));
const doors = Object.values(JSON.parse(readFileSync('package.json', 'utf8')).imports).map((door) =>
  door.source.slice(2),
);
const crossing = own
  .flatMap((module) => module.dependencies)
  .filter((dependency) => doors.includes(dependency.resolved));
if (own.length < FEWEST || crossing.length === 0) {
  console.error(
    `check-dependencies: saw ${own.length} modules and ${crossing.length} imports between folders: it does not read the code`,
  );
  process.exit(1);
}
for (const { rule, from, to, cycle } of summary.violations) {
  console.error(
    `${rule.severity}: ${rule.name}: ${from} -> ${cycle ? cycle.map((step) => step.name ?? step).join(' -> ') : to}`,
  );
}
// Native libraries are loaded at run time, which no import shows.
const loads = own.flatMap(({ source }) => {
  const text = readFileSync(source, 'utf8');
  if (!/\bloadNative\b/.test(text)) return [];
  return Object.keys(nativeDoors)
    .filter((crate) => text.includes(`'${crate}'`))
    .map((crate) => ({ crate, source }));
});
const strangers = loads.filter(
  ({ crate, source }) => !new RegExp(nativeDoors[crate]).test(source) && !source.startsWith('libs/testing/'),
);
for (const { crate, source } of strangers) console.error(`error: ${crate}-has-one-importer: ${source}`);
for (const crate of Object.keys(nativeDoors).filter((name) => !loads.some((load) => load.crate === name))) {
  console.error(`check-dependencies: nothing loads native/${crate}: it does not read the code`);
  process.exit(1);
}
const forTests = new RegExp(`${specs}|${testing}`);
const circles = withoutFolderCircles.flatMap((folder) => {
  const inside = (path) => path.startsWith(`${folder}/`) && !forTests.test(path);
  const imports = own
    .filter(({ source }) => inside(source))
    .flatMap(({ source, dependencies }) => dependencies.map(({ resolved }) => [source, resolved]))
    .filter(([, resolved]) => inside(resolved));
  if (imports.length === 0) {
    console.error(`check-dependencies: saw no imports in ${folder}: it does not read the code`);
    process.exit(1);
  }
  return folderCircles(imports);
});
for (const circle of circles) console.error(`error: no-folder-circles: ${[...circle, circle[0]].join(' -> ')}`);
// Rust: the modules of a crate have an order.
const crates = readdirSync('native').filter((name) => existsSync(join('native', name, 'Cargo.toml')));
const scopes = crates.flatMap((name) => rustModules(join('native', name, 'src')));
const arrows = scopes.reduce(
  (sum, { uses }) => sum + [...uses.values()].reduce((count, used) => count + used.size, 0),
  0,
);
if (arrows < FEWEST) {
  console.error(`check-dependencies: saw ${arrows} uses between Rust modules: it does not read the code`);
  process.exit(1);
}
const rustCircles = scopes.map(({ scope, uses }) => ({ scope, circle: circleOf(uses) })).filter(({ circle }) => circle);
for (const { scope, circle } of rustCircles) console.error(`error: rust-no-circular: ${scope}: ${circle.join(' -> ')}`);
const stale = architectureProblems(root);
for (const problem of stale) console.error(`error: architecture-page: ${problem}`);
const errors =
  summary.violations.filter((violation) => violation.rule.severity === 'error').length +
  strangers.length +
  circles.length +
  stale.length +
  rustCircles.length;
console.log(
  `${own.length} modules, ${crossing.length} imports between folders, ${arrows} uses between Rust modules, ${errors} violations`,
);
process.exit(errors > 0 ? 1 : 0);
