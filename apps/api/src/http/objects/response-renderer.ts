import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import { badRequest, type KubeObject, type Status } from '#apimachinery';
import type { ResourceDefinition } from '#kinds';
import { type OutputFormat, PROTOBUF } from '../../codec/negotiation.js';
import { encodeObject } from '../../codec/protobuf/envelope.js';
import { yamlLines, yamlText } from '../../codec/yaml-writer.js';
import type { ApiResult, ListedResult, WatchItem } from '../../registry/api-result.js';
import type { ResourceEntry } from '../../registry/resource-table.js';
import { servedBytes, servedObject } from '../../registry/resource-table.js';
import type { EventCounts } from '../metrics/watch-metrics.js';
import { CONVERTED_AT_A_TIME, jsonFrame, type ListBody, listBody } from './list-body.js';
import { protobufEvent, protobufList, protobufObject } from './protobuf-renderer.js';

export type IncludeObject = 'Metadata' | 'None' | 'Object';

/** Reads `includeObject` of a Table request; throws 400 for anything else. */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') || 'Metadata';
  if (value === 'Metadata' || value === 'None' || value === 'Object') return value;
  throw badRequest(
    `Unable to convert to Table as requested: includeObject: Unsupported value: ${JSON.stringify(value)}: supported values: "", "Metadata", "None", "Object"`,
  );
}

/** The body of any answer but a watch. `entry` is undefined for objects of no resource (reviews, Status). */
export function renderResult(
  result: Exclude<ApiResult, { kind: 'watch' }>,
  entry: ResourceEntry | undefined,
  format: OutputFormat,
  include: () => IncludeObject,
): Buffer | ListBody | Promise<Buffer | ListBody> {
  if (format.as === undefined && format.mediaType === 'application/json' && !format.pretty) {
    if (result.kind === 'cached') return servedBytes(entry!, result.object);
    if (result.kind === 'list') return listOf(entry!, result);
    return Buffer.from(JSON.stringify(result.object));
  }
  const isProtobuf = format.mediaType === PROTOBUF;
  if (result.kind === 'list') {
    return isProtobuf
      ? protobufList(result, entry!, format, listMetadata(result))
      : convertList(result, entry!, format, include());
  }
  if (result.kind === 'cached') {
    if (result.object.bytes.length > CONVERTED_AT_A_TIME) return convertLarge(result, entry!, format, include);
    if (isProtobuf) return protobufObject(result.object, entry!, format);
  }
  return encode(convert(result, entry, format, include), format);
}

function encode(value: unknown, format: OutputFormat): Buffer {
  if (format.mediaType === PROTOBUF) return encodeObject(value as KubeObject);
  if (format.mediaType === 'application/yaml') return Buffer.from(yamlText(value));
  return Buffer.from(format.pretty ? `${JSON.stringify(value, null, 2)}\n` : JSON.stringify(value));
}

/** A list in another form than the objects' own, converted item by item. */
async function convertList(
  result: ListedResult,
  entry: ResourceEntry,
  format: OutputFormat,
  include: IncludeObject,
): Promise<Buffer> {
  const now = new Date();
  const { around, convertItem } = listForm(result, entry, format, include, now);
  // The items are the last member.
  const empty = encode(around, format).toString();
  const isYaml = format.mediaType === 'application/yaml';
  const inside = format.pretty && !isYaml;
  const parts: string[] = [];
  let converted = 0;
  for (const item of result.items) {
    const value = convertItem(servedObject(entry, item));
    if (isYaml) parts.push(yamlLines(value, '- ', '  ').join('\n'));
    else if (inside) parts.push(JSON.stringify(value, null, 2).replaceAll('\n', '\n    '));
    else parts.push(JSON.stringify(value));
    converted += item.bytes.length;
    if (converted < CONVERTED_AT_A_TIME) continue;
    converted = 0;
    await turnOfTheLoop();
  }
  if (parts.length === 0) return Buffer.from(empty);
  if (isYaml) return Buffer.from(`${empty.slice(0, empty.lastIndexOf(' []'))}\n${parts.join('\n')}\n`);
  const opening = empty.lastIndexOf('[]') + 1;
  const [before, after] = [empty.slice(0, opening), empty.slice(opening)];
  return Buffer.from(
    inside ? `${before}\n    ${parts.join(',\n    ')}\n  ${after}` : `${before}${parts.join(',')}${after}`,
  );
}

/** Reading an object and writing it take some tens of milliseconds each when it is as large as can be. */
async function convertLarge(
  result: Extract<ApiResult, { kind: 'cached' }>,
  entry: ResourceEntry,
  format: OutputFormat,
  include: () => IncludeObject,
): Promise<Buffer> {
  const value = convert(result, entry, format, include);
  await turnOfTheLoop();
  if (format.mediaType !== 'application/yaml') return encode(value, format);
  const lines = yamlLines(value, '', '');
  await turnOfTheLoop();
  return Buffer.from(`${lines.join('\n')}\n`);
}

interface ListForm {
  /** The list without items; the empty list of them is its last member. */
  around: object;
  convertItem(object: KubeObject): unknown;
}

function listForm(
  result: ListedResult,
  entry: ResourceEntry,
  format: OutputFormat,
  include: IncludeObject,
  now: Date,
): ListForm {
  const metadata = listMetadata(result);
  if (format.as === 'Table') {
    const { definition } = entry;
    return {
      around: tableOf(definition, [], metadata, format, include, true),
      convertItem: (object) => rowOf(definition, object, format, include, now),
    };
  }
  if (format.as) {
    return {
      around: { kind: 'PartialObjectMetadataList', apiVersion: format.asVersion, metadata, items: [] },
      convertItem: (object) => partialOf(object, format.asVersion),
    };
  }
  return { around: { ...listTypeOf(entry), metadata, items: [] }, convertItem: (object) => object };
}

function convert(
  result: Exclude<ApiResult, { kind: 'watch' | 'list' }>,
  entry: ResourceEntry | undefined,
  format: OutputFormat,
  include: () => IncludeObject,
): unknown {
  const object = result.kind === 'cached' ? servedObject(entry!, result.object) : result.object;
  if (object.kind === 'Status' || !entry || !result.resource) return object;
  return convertObject(entry.definition, object as KubeObject, format, include, true);
}

function convertObject(
  resource: ResourceDefinition,
  object: KubeObject,
  format: OutputFormat,
  include: () => IncludeObject,
  headers: boolean,
): unknown {
  if (format.as === 'Table') {
    const { resourceVersion } = object.metadata;
    return tableOf(resource, [object], { resourceVersion }, format, include(), headers);
  }
  if (format.as) return partialOf(object, format.asVersion);
  return object;
}

function tableOf(
  resource: ResourceDefinition,
  objects: readonly KubeObject[],
  metadata: object,
  format: OutputFormat,
  include: IncludeObject,
  headers: boolean,
): object {
  const now = new Date();
  return {
    kind: 'Table',
    apiVersion: format.asVersion,
    metadata,
    columnDefinitions: headers
      ? resource.columns.map(({ name, type, format, description, priority }) => ({
          name,
          type,
          format,
          description,
          priority,
        }))
      : [],
    rows: objects.map((object) => rowOf(resource, object, format, include, now)),
  };
}

function rowOf(
  resource: ResourceDefinition,
  object: KubeObject,
  format: OutputFormat,
  include: IncludeObject,
  now: Date,
): object {
  return {
    cells: resource.cells(object, now),
    ...rowConditionsOf(resource, object),
    ...(include === 'None'
      ? { object: null }
      : { object: include === 'Object' ? object : partialOf(object, format.asVersion) }),
  };
}

function rowConditionsOf(resource: ResourceDefinition, object: KubeObject): { conditions?: object[] } {
  const conditions = resource.rowConditions?.(object) ?? [];
  return conditions.length > 0 ? { conditions } : {};
}

function partialOf(object: KubeObject, apiVersion: string): unknown {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}

function listMetadata(result: ListedResult): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  if (result.revision !== undefined) metadata.resourceVersion = String(result.revision);
  if (result.continue !== undefined) metadata.continue = result.continue;
  if (result.remaining !== undefined) metadata.remainingItemCount = result.remaining;
  return metadata;
}

function listTypeOf({ definition, apiVersion }: ResourceEntry): { kind: string; apiVersion: string } {
  return { kind: definition.listKind, apiVersion };
}

function listOf(entry: ResourceEntry, result: ListedResult): ListBody {
  const { kind, apiVersion } = listTypeOf(entry);
  const head = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},"metadata":${JSON.stringify(listMetadata(result))},"items":[`;
  return listBody(jsonFrame(head), `${apiVersion} ${kind}`, result.items, (item) => servedBytes(entry, item));
}

export interface WatchCounts {
  events: EventCounts;
  /** Called when the state that the watch begins with has been rendered. */
  complete(): void;
}

/** Renders the events of one watch; the first Table event carries the column definitions, later ones none. */
export class WatchRenderer {
  private headersSent = false;
  private readonly include: IncludeObject;
  /** While the state is sent that the client has asked for: its end is the first bookmark. */
  private beginning: boolean;

  constructor(
    private readonly entry: ResourceEntry,
    private readonly format: OutputFormat,
    query: URLSearchParams,
    private readonly counted: WatchCounts,
  ) {
    this.include = format.as === 'Table' ? includeObjectOf(query) : 'Metadata';
    this.beginning = query.has('sendInitialEvents');
  }

  render(item: WatchItem): Buffer {
    const line = this.lineOf(item);
    this.counted.events.count(line.length);
    if (this.beginning && item.type === 'BOOKMARK') {
      this.beginning = false;
      this.counted.complete();
    }
    return line;
  }

  /** Bytes of the object that is read for its line, which may be much less: a row of a Table, or metadata alone. */
  bytesRead({ object }: WatchItem): number {
    return this.format.as === undefined ? 0 : (object?.bytes.length ?? 0);
  }

  private lineOf(item: WatchItem): Buffer {
    if (this.format.mediaType === PROTOBUF) return protobufEvent(item, this.entry, this.format);
    if (this.format.as === undefined) {
      return item.line ? item.line() : jsonLine(item.type, item.literal!);
    }
    if (item.type === 'ERROR') return jsonLine(item.type, item.literal!);
    const object = (item.object ? servedObject(this.entry, item.object) : item.literal) as KubeObject;
    const isBookmark = item.type === 'BOOKMARK';
    if (isBookmark && this.format.as === 'Table') return jsonLine(item.type, this.bookmarkTable(object));
    const shown = convertObject(this.entry.definition, object, this.format, () => this.include, !this.headersSent);
    this.headersSent = true;
    return jsonLine(item.type, shown);
  }

  /** A bookmark has no cells, but its row keeps the object: that is where clients look for the revision. */
  private bookmarkTable(object: KubeObject): unknown {
    const columns = this.entry.definition.columns.map(() => '');
    const table = {
      kind: 'Table',
      apiVersion: this.format.asVersion,
      metadata: { resourceVersion: object.metadata.resourceVersion },
      columnDefinitions: this.headersSent ? [] : this.entry.definition.columns,
      rows: [{ cells: columns, object: partialOf(object, this.format.asVersion) }],
    };
    this.headersSent = true;
    return table;
  }
}

function jsonLine(type: string, object: unknown): Buffer {
  return Buffer.from(`{"type":"${type}","object":${JSON.stringify(object)}}\n`);
}

/** An object that is no resource's: a Status, or a document of discovery. */
export function renderObject(object: KubeObject | Status, mediaType: OutputFormat['mediaType']): Buffer {
  return encode(object, { mediaType, as: undefined, asVersion: '', pretty: false });
}
