import type { CachedObject } from '../../storage/store.js';
import { enclosed, watchFrame } from './envelope.js';
import { encodeMessage } from './wire-encoder.js';

/**
 * Objects of one kind as protobuf, made of their JSON when somebody asks. All readers and watchers share what was made. It is held weakly:
 * until the next full collection, when those who follow changes have long taken it.
 */
export class ProtobufForm {
  private readonly messages = new WeakMap<CachedObject, WeakRef<Buffer>>();
  /** By the type of the event. */
  private readonly frames = new Map<string, WeakMap<CachedObject, WeakRef<Buffer>>>();

  constructor(
    readonly apiVersion: string,
    readonly kind: string,
    private readonly message: string,
  ) {}

  /** Without the type; `json` gives the object as it is served. */
  messageOf(object: CachedObject, json: () => Buffer): Buffer {
    const made = this.messages.get(object)?.deref();
    if (made) return made;
    const message = encodeMessage(this.message, JSON.parse(json().toString()));
    this.messages.set(object, new WeakRef(message));
    return message;
  }

  enclosedOf(object: CachedObject, json: () => Buffer): Buffer {
    return enclosed(this.apiVersion, this.kind, this.messageOf(object, json));
  }

  frameOf(type: string, object: CachedObject, json: () => Buffer): Buffer {
    let frames = this.frames.get(type);
    if (!frames) this.frames.set(type, (frames = new WeakMap()));
    const made = frames.get(object)?.deref();
    if (made) return made;
    const frame = watchFrame(type, this.enclosedOf(object, json));
    frames.set(object, new WeakRef(frame));
    return frame;
  }
}

/** Any object's metadata alone, by the version that clients ask for. */
export const METADATA_FORMS: ReadonlyMap<string, ProtobufForm> = new Map(
  ['meta.k8s.io/v1', 'meta.k8s.io/v1beta1'].map((version) => [
    version,
    new ProtobufForm(version, 'PartialObjectMetadata', 'meta.v1.PartialObjectMetadata'),
  ]),
);
