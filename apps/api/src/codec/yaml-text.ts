import { Composer, type Document, isScalar, LineCounter, Parser, visit } from 'yaml';

/** The message begins as the reference's does. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

export interface YamlAsJson {
  json: string;
  /** Repeated keys, as strict decoding reports them. */
  strict: string[];
}

/** A body of YAML, read. */
export class YamlBody {
  constructor(
    private readonly json: string,
    /** Repeated keys, as strict decoding reports them. */
    readonly strict: readonly string[],
    private ready?: { value: unknown },
  ) {}

  /** The data: the caller's own copy. */
  value(): unknown {
    const { ready } = this;
    this.ready = undefined;
    return ready ? ready.value : JSON.parse(this.json);
  }
}

export const YAML_ERRORS = 'yaml: unmarshal errors:\n';

/** Deeper data overflows the stack of what comes after, which goes down recursively. */
const MAX_DEPTH = 1000;

/**
 * The first document of YAML 1.1 as JSON; the reference does not look at what follows it. Takes some microseconds a
 * byte: call it where it may take seconds. The JSON has `maxLength` characters at most, since aliases multiply.
 *
 * Throws YamlError.
 */
export function yamlToJson(text: string, maxLength: number): YamlAsJson {
  const lines = new LineCounter();
  const document = firstDocument(text, lines);
  const problem = document?.errors[0];
  if (problem) {
    if (/call stack/.test(problem.message))
      throw new YamlError('error converting YAML to JSON: yaml: exceeded max depth');
    throw new YamlError(
      `error converting YAML to JSON: yaml: line ${lines.linePos(problem.pos[0]).line}: ${problem.message}`,
    );
  }
  if (!document) return { json: 'null', strict: [] };
  return { json: plainJson(document, maxLength), strict: repeatedKeys(document, lines) };
}

function firstDocument(text: string, lines: LineCounter): Document.Parsed | undefined {
  const composer = new Composer({ version: '1.1', uniqueKeys: false, merge: true, lineCounter: lines });
  // Both are lazy: the second document is not read.
  for (const document of composer.compose(new Parser(lines.addNewLine).parse(text))) return document;
  return undefined;
}

/** Throws for what YAML can say and JSON cannot: circles, aliases of nothing, and aliases that multiply beyond measure. */
function plainJson(document: Document.Parsed, maxLength: number): string {
  let json: string;
  try {
    const value = document.toJS() ?? null;
    if (isDeeper(value, MAX_DEPTH)) throw new Error('exceeded max depth');
    json = JSON.stringify(value);
  } catch (error) {
    throw new YamlError(`error converting YAML to JSON: yaml: ${(error as Error).message.split('\n')[0]}`);
  }
  if (json.length > maxLength) {
    throw new YamlError('error converting YAML to JSON: yaml: document contains excessive aliasing');
  }
  return json;
}

function isDeeper(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (depth === 0) return true;
  for (const item of Object.values(value)) if (isDeeper(item, depth - 1)) return true;
  return false;
}

/** Keys that a map has twice, as the one error that the reference's YAML reader gives; lines are those of the values. */
function repeatedKeys(document: Document.Parsed, lines: LineCounter): string[] {
  const found: string[] = [];
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key, value } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          const offset = (value as { range?: number[] } | null)?.range?.[0] ?? key.range?.[0] ?? 0;
          found.push(`line ${lines.linePos(offset).line}: key ${JSON.stringify(key.value)} already set in map`);
        }
        seen.add(key.value);
      }
    },
  });
  return found.length === 0 ? [] : [`${YAML_ERRORS}  ${found.join('\n  ')}`];
}
