import type { DecodedJson, JsonSyntaxError, KubeObject } from '#apimachinery';
import type { WireError } from './protobuf/wire-messages.js';
import type { YamlBody, YamlError } from './yaml-text.js';

/** The part of a request that the codec reads. */
export interface RequestBody {
  /** The body as sent, or an object from an in-process caller (never kept, never changed). */
  body: Buffer | object | undefined;
  contentType: string;
  /** The body where it is large, once it is read; YAML is in `yaml`. */
  ahead?: BodyAhead;
  /** The body where it is YAML, once it is read; or why it cannot be. */
  yaml?: YamlBody | YamlError;
  /** Told what was sent, once it is read; absent: nobody records it. */
  record?: BodyRecord;
}

/**
 * A large body that was read ahead, or why it cannot be; the data is taken once, since what takes it changes it.
 * `schemaName`: the message that protobuf was read as.
 */
export interface BodyAhead {
  decoded?: DecodedJson;
  schemaName?: string;
  error?: JsonSyntaxError | WireError;
}

/** Keeps what clients send, for the audit log. What it is told may change afterwards. */
export interface BodyRecord {
  sentObject(object: Partial<KubeObject>): void;
  /** JSON that is no object of the resource: a patch, or DeleteOptions. */
  sentDocument(document: unknown): void;
}
