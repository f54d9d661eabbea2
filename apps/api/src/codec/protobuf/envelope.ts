import { type KubeObject, type Status } from '#apimachinery';
import { encodeField, encodeMessage } from './wire-encoder.js';
import { MAGIC, messageOfKind, WireError } from './wire-messages.js';
import { WireWriter } from './wire-writer.js';

/**
 * What is around messages: runtime.Unknown, which names the type of every object, the messages of lists, and the frames of watches.
 * Facts: apimachinery's serializers protobuf and streaming, util/framer.
 */

/** Tags of fields 1 and 2 that have a length. */
const FIRST = 0x0a;
const SECOND = 0x12;

/** The empty content encoding and type with which runtime.Unknown ends. */
const TAIL = Buffer.from([0x1a, 0, 0x22, 0]);

const shared = new WireWriter();

export interface Enclosure {
  head: Buffer;
  tail: Buffer;
}

/** What is around a message of so many bytes. */
function envelope(apiVersion: string, kind: string, length: number): Buffer {
  shared.reset();
  shared.varint(length);
  shared.byte(SECOND);
  const { size } = shared;
  shared.text(kind);
  shared.byte(SECOND);
  shared.text(apiVersion);
  shared.byte(FIRST);
  shared.varint(shared.size - size);
  shared.byte(FIRST);
  shared.bytes(MAGIC);
  return shared.take();
}

/** The object that a message is of. */
export function enclosed(apiVersion: string, kind: string, message: Buffer): Buffer {
  return Buffer.concat([envelope(apiVersion, kind, message.length), message, TAIL]);
}

/** An object of a kind of the release. Throws WireError for others. */
export function encodeObject(object: KubeObject | Status): Buffer {
  const { apiVersion = '', kind } = object;
  const message = messageOfKind(apiVersion, kind);
  if (message === undefined) throw new WireError(`no protobuf message for ${kind} of ${apiVersion}`);
  return enclosed(apiVersion, kind, encodeMessage(message, object));
}

/** How many bytes begin a frame: the length of the rest. */
export const FRAME_LENGTH_BYTES = 4;

/** The event of a watch around an object that is encoded whole. */
export function watchFrame(type: string, object: Buffer): Buffer {
  shared.reset();
  shared.varint(object.length);
  shared.byte(FIRST);
  shared.varint(shared.size + object.length);
  shared.byte(SECOND);
  shared.text(type);
  shared.byte(FIRST);
  const length = shared.size + object.length;
  for (let shift = 0; shift < 32; shift += 8) shared.byte((length >>> shift) & 0xff);
  return Buffer.concat([shared.take(), object]);
}

/** Numbers of the fields of a list. */
export interface ListNumbers {
  metadata: number;
  items: number;
}

/** Those of the lists of all kinds; that of metadata alone in v1beta1 has them the other way round. */
export function listNumbers(apiVersion: string): ListNumbers {
  return apiVersion === 'meta.k8s.io/v1beta1' ? { metadata: 2, items: 1 } : { metadata: 1, items: 2 };
}

/** What is around the items of a list, which are fields of so many bytes together. */
export function listEnclosure(apiVersion: string, kind: string, metadata: object, length: number): Enclosure {
  const first = encodeField(listNumbers(apiVersion).metadata, 'meta.v1.ListMeta', metadata);
  return { head: Buffer.concat([envelope(apiVersion, kind, first.length + length), first]), tail: TAIL };
}
