import { type KubeObject, setOwn } from '#apimachinery';
import type { Conversion } from '#kinds';
import { readLabels } from './metadata-labels.js';
import type { CachedObject, Revision, ServedVersion } from './store.js';

/** A resource and how its field labels are read from an object. */
export interface ResourceFields {
  /** Storage resource. */
  readonly resource: string;
  fieldValue(object: any, label: string): string;
}

const METADATA = Buffer.from('"metadata":{');
const CLOSING_BRACE = '}'.charCodeAt(0);
/** What the bytes of every object begin with. */
const API_VERSION = '{"apiVersion":"';
const QUOTE = '"'.charCodeAt(0);

/** Event types as the log stores them, and the way into and out of a watch line around an object. */
const LINE_PREFIX = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const LINE_SUFFIX = Buffer.from('}\n');

export type LineType = keyof typeof LINE_PREFIX;

/** The watch line around an object's bytes. */
export function watchLine(type: LineType, bytes: Buffer): Buffer {
  return Buffer.concat([LINE_PREFIX[type], bytes, LINE_SUFFIX]);
}

/** An object's bytes with its resourceVersion, and the watch line that holds them: one piece of memory for both. */
export function renderLine(type: LineType, body: Buffer, revision: Revision): { line: Buffer; bytes: Buffer } {
  const prefix = LINE_PREFIX[type];
  const line = render(body, revision, prefix, LINE_SUFFIX);
  return { line, bytes: line.subarray(prefix.length, line.length - LINE_SUFFIX.length) };
}

const NOTHING = Buffer.alloc(0);

/** An object's bytes with its resourceVersion spliced in. */
export function renderBytes(body: Buffer, revision: Revision): Buffer {
  return render(body, revision, NOTHING, NOTHING);
}

function render(body: Buffer, revision: Revision, prefix: Buffer, suffix: Buffer): Buffer {
  const found = body.indexOf(METADATA);
  if (found < 0) throw new Error('stored body has no metadata');
  const at = found + METADATA.length;
  const comma = body[at] === CLOSING_BRACE ? '' : ',';
  const version = `"resourceVersion":"${revision}"${comma}`;
  const end = prefix.length + body.length + version.length;
  // Not from the shared pool: a small slice that lives long would keep its neighbours' memory.
  const out = Buffer.allocUnsafeSlow(end + suffix.length);
  prefix.copy(out, 0);
  body.copy(out, prefix.length, 0, at);
  out.write(version, prefix.length + at, 'latin1');
  body.copy(out, prefix.length + at + version.length, at);
  suffix.copy(out, end);
  return out;
}

/** One version of one object. */
export class CacheEntry implements CachedObject {
  private parsed: WeakRef<KubeObject> | undefined;
  private labelSet: Readonly<Record<string, string>> | undefined | null = null;
  /** By the conversion, so that they go with a version that is served no more. */
  private served: WeakMap<Conversion, Buffer> | undefined;

  constructor(
    private readonly fields: ResourceFields,
    readonly namespace: string,
    readonly name: string,
    readonly uid: string,
    readonly revision: Revision,
    readonly bytes: Buffer,
  ) {}

  bytesFor(version: ServedVersion): Buffer {
    if (this.isStoredAs(version)) return this.bytes;
    const made = this.served?.get(version.conversion);
    if (made) return made;
    const { apiVersion, conversion } = version;
    if (!conversion.sync) throw new Error(`${this.name} is not converted to ${apiVersion} yet`);
    return this.keepConverted(version, conversion.fromStorage([this.parse()])[0]!);
  }

  isConverted(version: ServedVersion): boolean {
    return this.isStoredAs(version) || (this.served?.has(version.conversion) ?? false);
  }

  keepConverted({ conversion }: ServedVersion, object: KubeObject): Buffer {
    const bytes = Buffer.from(JSON.stringify(object));
    this.served ??= new WeakMap();
    this.served.set(conversion, bytes);
    return bytes;
  }

  isStoredAs({ apiVersion, conversion }: ServedVersion): boolean {
    if (conversion.settles) return false;
    const { bytes } = this;
    const end = API_VERSION.length + apiVersion.length;
    return bytes[end] === QUOTE && bytes.toString('latin1', API_VERSION.length, end) === apiVersion;
  }

  get labels(): Readonly<Record<string, string>> | undefined {
    if (this.labelSet === null) {
      const known = this.parsed?.deref();
      this.labelSet = known ? known.metadata.labels : readLabels(this.bytes);
    }
    return this.labelSet ?? undefined;
  }

  field(label: string): string {
    if (label === 'metadata.name') return this.name;
    if (label === 'metadata.namespace') return this.namespace;
    return this.fields.fieldValue(this.parse(), label) ?? '';
  }

  /** Takes what the bytes say from the one who wrote them, instead of parsing them. */
  adopt(object: KubeObject): void {
    const metadata = { ...object.metadata, resourceVersion: String(this.revision) };
    this.parsed = new WeakRef(asParsed({ ...object, metadata }));
  }

  peek(): any {
    return this.parsed?.deref() ?? JSON.parse(this.bytes.toString());
  }

  parse(): any {
    const known = this.parsed?.deref();
    if (known) return known;
    const object = deepFreeze(JSON.parse(this.bytes.toString()));
    // Held weakly: it lives as long as somebody uses it, or until the next full collection.
    this.parsed = new WeakRef(object);
    return object;
  }
}

/**
 * What a parser would have made of an object that another program made, frozen: without the members that are undefined. An object
 * that has such members is made anew, because V8 keeps one that members were deleted from as a hash table from then on.
 */
function asParsed<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const members = value as Record<string, unknown>;
  let hasGaps = false;
  for (const key in members) {
    const member = members[key];
    const parsed = asParsed(member);
    if (parsed !== member) setOwn(members, key, parsed);
    hasGaps ||= member === undefined;
  }
  return Object.freeze(hasGaps ? withoutGaps(members) : value) as T;
}

function withoutGaps(members: Record<string, unknown>): Record<string, unknown> {
  const whole: Record<string, unknown> = {};
  for (const key in members) if (members[key] !== undefined) setOwn(whole, key, members[key]);
  return whole;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const key in value) deepFreeze(value[key]);
    Object.freeze(value);
  }
  return value;
}
