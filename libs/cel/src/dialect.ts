import { type Dialect, Functions } from './check/declarations.js';
import { ADDRESS_TYPES, declareCidr, declareIp } from './library/addresses.js';
import { declareAuthorizer, declareJsonPatch } from './library/authorizer.js';
import { AUTHORIZER, DECISION, GROUP_CHECK, PATH_CHECK, RESOURCE_CHECK } from './library/authorizer-types.js';
import { FORMAT } from './library/format-value.js';
import { declareFormats } from './library/formats.js';
import { declareIncludes, declareKubernetesLists, declarePatterns } from './library/kubernetes-lists.js';
import { declareListLibrary } from './library/lists.js';
import { declareOptional } from './library/optional.js';
import { declareQuantities, QUANTITY } from './library/quantities.js';
import { declareSemver, SEMVER } from './library/semver.js';
import { declareSets } from './library/sets.js';
import { declareMapInsert, declareStandard } from './library/standard.js';
import { declareStringLibrary } from './library/strings.js';
import { declareUrls, URL_TYPES } from './library/urls.js';
import type { CelEnvironment } from './program.js';
import { bindingMacros, listMacros, optionalMacros, standardMacros, twoVariableMacros } from './syntax/macros.js';
import { type CelType, cel } from './type.js';

/** What new expressions may use: what the version before this one understands, so that a cluster can be rolled back. */
const NEW_EXPRESSIONS = '1.36';
/** The version that added nothing to what all versions have. */
const OLDEST = 0;

type Library = (functions: Functions) => void;
type Macros = typeof standardMacros;

interface Addition {
  /** The minor version of Kubernetes that added it. */
  readonly since: number;
  readonly declare?: Library;
  readonly macros?: Macros;
}

/** k8s.io/apiserver/pkg/cel/environment/base.go. */
const ADDITIONS: readonly Addition[] = [
  { since: OLDEST, declare: declareStandard, macros: standardMacros },
  { since: OLDEST, declare: declareUrls },
  { since: OLDEST, declare: declarePatterns },
  { since: OLDEST, declare: declareKubernetesLists },
  { since: OLDEST, declare: declareStringLibrary },
  { since: 27, declare: declareAuthorizer },
  { since: 28, declare: declareOptional, macros: optionalMacros },
  { since: 28, declare: declareQuantities },
  { since: 29, declare: declareSets },
  { since: 30, declare: declareIp },
  { since: 30, declare: declareCidr },
  { since: 31, declare: declareFormats },
  { since: 32, declare: declareMapInsert, macros: twoVariableMacros },
  { since: 33, declare: declareSemver },
  { since: 34, declare: declareListLibrary, macros: listMacros },
  { since: 37, declare: declareIncludes },
];
const OPTIONALS_SINCE = 28;
const VALIDATION_SINCE = 29;

const A = cel.param('A');
const B = cel.param('B');

/** Types that an expression can name. */
const TYPES: ReadonlyMap<string, CelType> = new Map(
  [
    cel.bool,
    cel.bytes,
    cel.double,
    cel.duration,
    cel.int,
    cel.list(A),
    cel.map(A, B),
    cel.nullType,
    cel.string,
    cel.timestamp,
    cel.type(),
    cel.uint,
    cel.optional(A),
    ...ADDRESS_TYPES,
    ...URL_TYPES,
    QUANTITY,
    SEMVER,
    FORMAT,
    AUTHORIZER,
    PATH_CHECK,
    GROUP_CHECK,
    RESOURCE_CHECK,
    DECISION,
  ].map((type) => [type.name, type]),
);

const dialects = new Map<string, Dialect>();

/** The language of an environment; the version `stored` has all of it. Made once. */
export function dialectOf(environment: CelEnvironment): Dialect {
  const { version = NEW_EXPRESSIONS, jsonPatch = false, bindings = false } = environment;
  const minor = version === 'stored' ? Number.POSITIVE_INFINITY : minorOf(version);
  const key = `${minor}${jsonPatch ? '+jsonpatch' : ''}${bindings ? '+bindings' : ''}`;
  const known = dialects.get(key) ?? makeDialect(minor, jsonPatch, bindings);
  dialects.set(key, known);
  return known;
}

function minorOf(version: string): number {
  const match = /^v?1\.(\d{1,3})(?:\.|$)/.exec(version);
  if (match === null) throw new Error(`not a version of Kubernetes: ${version}`);
  return Number(match[1]);
}

function makeDialect(minor: number, jsonPatch: boolean, bindings: boolean): Dialect {
  const functions = new Functions();
  const additions = ADDITIONS.filter(({ since }) => since <= minor);
  for (const { declare } of additions) declare?.(functions);
  if (jsonPatch) declareJsonPatch(functions);
  return {
    functions,
    macros: new Map([...additions.flatMap(({ macros = [] }) => macros), ...(bindings ? bindingMacros : [])]),
    optionals: minor >= OPTIONALS_SINCE,
    validateLiterals: minor >= VALIDATION_SINCE,
    types: TYPES,
  };
}
