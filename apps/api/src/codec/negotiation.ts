import { notAcceptable, setOwn, unsupportedMediaType } from '#apimachinery';

/** How a client wants objects shown. */
export interface OutputFormat {
  /** The response's Content-Type. */
  mediaType: 'application/json' | 'application/yaml';
  /** Conversion asked for by `as=`; undefined: the objects themselves. */
  as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** API version of the conversion: meta.k8s.io/v1 or v1beta1. */
  asVersion: string;
  pretty: boolean;
}

const JSON_FORMAT: OutputFormat = {
  mediaType: 'application/json',
  as: undefined,
  asVersion: '',
  pretty: false,
};

const CONVERSIONS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const ACCEPTED = ['application/json', 'application/yaml'];
/** Read, since Go clients write it unasked; never written. */
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const ACCEPTED_STREAM = ['application/json;stream=watch'];

export interface AcceptClause {
  type: string;
  subtype: string;
  q: number;
  parameters: Record<string, string>;
}

/** Parses an Accept header, best clause first, as the reference orders them: by q, then by specificity, then as written. */
export function parseAccept(header: string): AcceptClause[] {
  const clauses: AcceptClause[] = [];
  for (const part of header.split(',')) {
    const pieces = part.split(';');
    const [type, subtype] = pieces[0]!.trim().toLowerCase().split('/');
    if (!type) continue;
    const clause: AcceptClause = { type, subtype: subtype ?? '*', q: 1, parameters: {} };
    for (let i = 1; i < pieces.length; i += 1) {
      const equal = pieces[i]!.indexOf('=');
      if (equal < 0) continue;
      const key = pieces[i]!.slice(0, equal).trim().toLowerCase();
      const value = pieces[i]!.slice(equal + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
      if (key === 'q') clause.q = Number(value) || 0;
      else setOwn(clause.parameters, key, value);
    }
    clauses.push(clause);
  }
  return clauses
    .map((clause, index) => ({ clause, index }))
    .sort((a, b) => b.clause.q - a.clause.q || wildness(a.clause) - wildness(b.clause) || a.index - b.index)
    .map(({ clause }) => clause);
}

function wildness(clause: AcceptClause): number {
  return (clause.type === '*' ? 1 : 0) + (clause.subtype === '*' ? 1 : 0);
}

/** Clients repeat a handful of Accept headers; bounded so that no client can grow it. */
const cache = new Map<string, OutputFormat | undefined>();

/**
 * Chooses the output for an object endpoint. Throws 406 when nothing that is asked for can be served: protobuf and CBOR
 * are not, so clients that offer JSON next to them fall back to it. `converts` is false for objects that are no stored
 * resource's, such as reviews: they have no Table and no metadata to give alone.
 */
export function negotiateOutput(accept: string | undefined, stream: boolean, converts = true): OutputFormat {
  if (!accept || accept === 'application/json' || accept === '*/*') return JSON_FORMAT;
  const key = `${stream ? 'w' : ''}${converts ? '' : 'o'} ${accept}`;
  let format = cache.get(key);
  if (format === undefined) {
    format = choose(accept, stream, converts);
    if (format) {
      if (cache.size > 500) cache.clear();
      cache.set(key, format);
    }
  }
  if (!format) throw notAcceptable(stream ? ACCEPTED_STREAM : ACCEPTED);
  return format;
}

function choose(accept: string, stream: boolean, converts: boolean): OutputFormat | undefined {
  for (const clause of parseAccept(accept)) {
    if (clause.q === 0) continue;
    const mediaType = servedMediaType(clause, stream);
    if (!mediaType) continue;
    const { as, g, v, pretty } = clause.parameters;
    if (clause.parameters.stream && clause.parameters.stream !== 'watch') continue;
    if (clause.parameters.sv && clause.parameters.sv !== 'v1') continue;
    if (as || g || v) {
      if (!converts) continue;
      if (!CONVERSIONS.has(as ?? '') || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
      return { mediaType, as: as as OutputFormat['as'], asVersion: `${g}/${v}`, pretty: pretty === '1' };
    }
    return { mediaType, as: undefined, asVersion: '', pretty: pretty === '1' };
  }
  return undefined;
}

function servedMediaType(clause: AcceptClause, stream: boolean): OutputFormat['mediaType'] | undefined {
  if (clause.type === '*' && clause.subtype === '*') return 'application/json';
  if (clause.type !== 'application') return undefined;
  if (clause.subtype === 'json' || clause.subtype === '*') return 'application/json';
  if (clause.subtype === 'yaml' && !stream) return 'application/yaml';
  return undefined;
}

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** The format of a request body. Throws 415 for what the server cannot read. */
export function negotiateInput(contentType: string | undefined): BodyFormat {
  if (!contentType || contentType === 'application/json') return 'json';
  const semicolon = contentType.indexOf(';');
  const essence = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (essence === 'application/json') return 'json';
  if (essence === 'application/yaml') return 'yaml';
  if (essence === PROTOBUF) return 'protobuf';
  throw unsupportedMediaType([...ACCEPTED, PROTOBUF]);
}
