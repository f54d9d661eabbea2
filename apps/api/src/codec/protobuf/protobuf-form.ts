import type { CachedObject } from '../../storage/store.js';
import { enclosed, listNumbers, watchFrame } from './envelope.js';
import { encodeField } from './wire-encoder.js';

/**
 * Objects of one version of a kind as protobuf, encoded when somebody asks for the first time. All readers and watchers share what was made. A message
 * is kept as long as the state of the object that it is of; a frame is held weakly, since all who watch take it at once.
 */
export class ProtobufForm {
  /** As items of a list: a message with its number and length before it. */
  private readonly items = new WeakMap<CachedObject, Buffer>();
  /** By the type of the event. */
  private readonly frames = new Map<string, WeakMap<CachedObject, WeakRef<Buffer>>>();

  constructor(
    readonly apiVersion: string,
    readonly kind: string,
    private readonly message: string,
  ) {}

  /** `served` gives the object as it is served. */
  itemOf(object: CachedObject, served: () => object): Buffer {
    let item = this.items.get(object);
    if (!item) {
      item = encodeField(listNumbers(this.apiVersion).items, this.message, served());
      this.items.set(object, item);
    }
    return item;
  }

  private messageOf(object: CachedObject, served: () => object): Buffer {
    const item = this.itemOf(object, served);
    let start = 1;
    while (item[start]! >= 0x80) start += 1;
    return item.subarray(start + 1);
  }

  enclosedOf(object: CachedObject, served: () => object): Buffer {
    return enclosed(this.apiVersion, this.kind, this.messageOf(object, served));
  }

  frameOf(type: string, object: CachedObject, served: () => object): Buffer {
    let frames = this.frames.get(type);
    if (!frames) this.frames.set(type, (frames = new WeakMap()));
    const made = frames.get(object)?.deref();
    if (made) return made;
    const frame = watchFrame(type, this.enclosedOf(object, served));
    frames.set(object, new WeakRef(frame));
    return frame;
  }
}

/** Objects' metadata alone. `version`: the one that clients ask for, `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`. */
export function metadataForm(version: string): ProtobufForm {
  return new ProtobufForm(version, 'PartialObjectMetadata', 'meta.v1.PartialObjectMetadata');
}
