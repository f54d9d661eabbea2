import type { KubeObject } from '#apimachinery';
import type { BodyAhead } from './body-ahead.js';
import type { YamlBody } from './yaml-body.js';
import type { YamlError } from './yaml-text.js';

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

/** Keeps what clients send, for the audit log. What it is told may change afterwards. */
export interface BodyRecord {
  sentObject(object: Partial<KubeObject>): void;
  /** JSON that is no object of the resource: a patch, or DeleteOptions. */
  sentDocument(document: unknown): void;
}
