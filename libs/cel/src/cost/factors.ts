/** Units of the reference's cost model: https://pkg.go.dev/github.com/google/cel-go/common#pkg-constants. */
export const SELECT = 1;
export const CREATE_LIST = 10;
export const CREATE_MAP = 30;
export const CREATE_STRUCT = 40;
/** Per character of a string that is read once. */
export const TRAVERSE_STRING = 0.1;
/** Per character of a pattern, for each unit of the text. */
export const TRAVERSE_PATTERN = 0.25;
/** One question to the authorizer. */
export const AUTHORIZER_CHECK = 350_000;
/** Characters of a selector per requirement. */
export const REQUIREMENTS_PER_CHARACTER = 0.5;
export const REQUIREMENT = CREATE_LIST + CREATE_STRUCT;
/** Most characters of the patterns behind named formats. */
export const MAX_FORMAT_PATTERN = 128;
export const MAX_FORMAT = 64;

/** Functions that cost one unit: they read a field of a parsed value, or set one. */
export const ACCESSORS: ReadonlySet<string> = new Set(
  (
    'serviceAccount path group resource subresource namespace name allowed reason error errored ' +
    'masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast ' +
    'format.named sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub ' +
    'major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery'
  ).split(' '),
);

/** Functions that read a list once. */
export const LIST_READERS: ReadonlySet<string> = new Set(
  'isSorted sum max min indexOf lastIndexOf includes'.split(' '),
);

/** Functions that parse one text. */
export const TEXT_PARSERS: ReadonlySet<string> = new Set(
  'cidr isIP isCIDR quantity isQuantity semver isSemver ip'.split(' '),
);
