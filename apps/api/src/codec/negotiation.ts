import { notAcceptable, setOwn, unsupportedMediaType } from '#apimachinery';

export const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
export const PROTOBUF = 'application/vnd.kubernetes.protobuf';

/** How a client wants objects shown. */
export interface OutputFormat {
  /** The response's Content-Type. */
  mediaType: typeof JSON_TYPE | typeof YAML_TYPE | typeof PROTOBUF;
  /** Conversion asked for by `as=`; undefined: the objects themselves. */
  as: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList' | undefined;
  /** API version of the conversion: meta.k8s.io/v1 or v1beta1. */
  asVersion: string;
  pretty: boolean;
}

const JSON_FORMAT: OutputFormat = {
  mediaType: JSON_TYPE,
  as: undefined,
  asVersion: '',
  pretty: false,
};

const CONVERSIONS = new Set(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const ACCEPTED = [JSON_TYPE, YAML_TYPE, PROTOBUF];
const ACCEPTED_STREAM = [`${JSON_TYPE};stream=watch`, `${PROTOBUF};stream=watch`];

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

/** What an endpoint has to show. */
export interface Offer {
  /** The events of a watch. */
  stream: boolean;
  /**
   * False for objects that are no stored resource's, such as reviews: they have no Table and no metadata to give alone.
   */
  converts: boolean;
  /** False for custom resources: only their metadata has a message. */
  protobuf: boolean;
}

/** What is no resource: a Status, or a document of discovery. */
export const PLAIN_OBJECT: Offer = { stream: false, converts: false, protobuf: true };

/** Chooses the output for an object endpoint. Throws 406 when nothing that is asked for can be served. */
export function negotiateOutput(accept: string | undefined, offer: Offer): OutputFormat {
  const format = negotiated(accept, offer);
  if (format) return format;
  throw notAcceptable(offer.stream && negotiated(accept, { ...offer, stream: false }) ? ACCEPTED_STREAM : ACCEPTED);
}

/** The form of an error, which is JSON for who asks for nothing that can be served. */
export function negotiateStatus(accept: string | undefined): OutputFormat {
  return negotiated(accept, PLAIN_OBJECT) ?? JSON_FORMAT;
}

function negotiated(accept: string | undefined, offer: Offer): OutputFormat | undefined {
  if (!accept || accept === JSON_TYPE || accept === '*/*') return JSON_FORMAT;
  const { stream, converts, protobuf } = offer;
  const key = `${stream ? 'w' : ''}${converts ? '' : 'o'}${protobuf ? '' : 'j'} ${accept}`;
  let format = cache.get(key);
  if (format === undefined) {
    format = choose(accept, offer);
    if (format) {
      if (cache.size > 500) cache.clear();
      cache.set(key, format);
    }
  }
  return format;
}

function choose(accept: string, offer: Offer): OutputFormat | undefined {
  for (const clause of parseAccept(accept)) {
    if (clause.q === 0) continue;
    const mediaType = mediaTypeOf(clause, offer.stream);
    if (!mediaType) continue;
    const { as, g, v, pretty } = clause.parameters;
    if (clause.parameters.stream && clause.parameters.stream !== 'watch') continue;
    if (clause.parameters.sv && clause.parameters.sv !== 'v1') continue;
    if (as || g || v) {
      if (!offer.converts || (as === 'Table' && mediaType === PROTOBUF)) continue;
      if (!CONVERSIONS.has(as ?? '') || g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) continue;
      return { mediaType, as: as as OutputFormat['as'], asVersion: `${g}/${v}`, pretty: pretty === '1' };
    }
    if (mediaType === PROTOBUF && !offer.protobuf) continue;
    return { mediaType, as: undefined, asVersion: '', pretty: pretty === '1' };
  }
  return undefined;
}

/** What is served to who accepts this; undefined: nothing. */
export function mediaTypeOf(clause: AcceptClause, stream = false): OutputFormat['mediaType'] | undefined {
  if (clause.type === '*' && clause.subtype === '*') return JSON_TYPE;
  if (clause.type !== 'application') return undefined;
  if (clause.subtype === 'json' || clause.subtype === '*') return JSON_TYPE;
  if (clause.subtype === 'yaml' && !stream) return YAML_TYPE;
  if (clause.subtype === 'vnd.kubernetes.protobuf') return PROTOBUF;
  return undefined;
}

export type BodyFormat = 'json' | 'yaml' | 'protobuf';

/** The format of a request body. Throws 415 for what the server cannot read. */
export function negotiateInput(contentType: string | undefined): BodyFormat {
  if (!contentType || contentType === JSON_TYPE) return 'json';
  const semicolon = contentType.indexOf(';');
  const essence = (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (essence === JSON_TYPE) return 'json';
  if (essence === YAML_TYPE) return 'yaml';
  if (essence === PROTOBUF) return 'protobuf';
  throw unsupportedMediaType(ACCEPTED);
}
