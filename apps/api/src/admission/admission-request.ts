import type { GroupVersionKind, GroupVersionResource, KubeObject, UserInfo } from '#apimachinery';
import type { Reinvocation } from './reinvocation.js';

export type WriteOperation = 'CREATE' | 'UPDATE' | 'DELETE';
export type AdmissionOperation = WriteOperation | 'CONNECT';

/** One request as admission sees it. Mutating plugins change or replace `object`; both kinds reject by throwing a StatusError. */
export interface AdmissionRequest {
  readonly operation: AdmissionOperation;
  /** What the object is, and where it is reached; of the version in which plugins get it. */
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** '' for the main resource. */
  readonly subresource: string;
  /** What the client named: differs once a plugin is given another version than the client used. */
  readonly requestKind: GroupVersionKind;
  readonly requestResource: GroupVersionResource;
  readonly requestSubresource: string;
  readonly namespace: string;
  readonly name: string;
  /** Undefined on DELETE. Plugins may put another object here. */
  object: KubeObject | undefined;
  /** Undefined on CREATE. Frozen. */
  readonly oldObject: KubeObject | undefined;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of meta.k8s.io/v1. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly user: UserInfo;
  readonly dryRun: boolean;
  /** What plugins say for the audit log, by `<plugin>/<key>`; undefined when nobody said anything. */
  readonly annotations: ReadonlyMap<string, string> | undefined;
  /** `from`: the lowest level of the audit log that has it, where it is not Metadata. */
  annotate(key: string, value: string, from?: 'Request'): void;
  warn(text: string): void;
  /** Put here by the first plugin that may want a second round. */
  reinvocation: Reinvocation | undefined;
  /** Aborted when nobody waits for the answer any more, or its time is up. */
  readonly signal: AbortSignal;
}

/** The part of a request that decides which plugins look at it. */
export type AdmissionTarget = Pick<AdmissionRequest, 'operation' | 'resource' | 'subresource'>;

export interface AdmissionPlugin {
  /** Kubernetes' own name, e.g. NamespaceLifecycle. */
  readonly name: string;
  /** Asked once for each operation, resource and subresource: the answer is kept. */
  handles(target: AdmissionTarget): boolean;
  admit?(request: AdmissionRequest): void | Promise<void>;
  validate?(request: AdmissionRequest): void | Promise<void>;
}

type Given = 'operation' | 'kind' | 'resource' | 'subresource' | 'namespace' | 'name' | 'object' | 'user' | 'signal';

/** A request by parts that are all at hand; what is not given is empty. */
export function admissionRequest(
  parts: Pick<AdmissionRequest, Given> & Partial<Pick<AdmissionRequest, 'oldObject' | 'options' | 'dryRun' | 'warn'>>,
  record?: Pick<AdmissionRequest, 'annotate'>,
): AdmissionRequest {
  const annotations = new Map<string, string>();
  return {
    requestKind: parts.kind,
    requestResource: parts.resource,
    requestSubresource: parts.subresource,
    oldObject: undefined,
    options: {},
    dryRun: false,
    annotations,
    annotate: (key, value, from) => {
      annotations.set(key, value);
      record?.annotate(key, value, from);
    },
    warn: () => {},
    reinvocation: undefined,
    ...parts,
  };
}
