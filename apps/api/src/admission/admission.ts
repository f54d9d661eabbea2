import type { GroupVersionResource, KubeObject, UserInfo } from '#apimachinery';

export type AdmissionOperation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** One request as admission sees it. Mutating plugins change `object` in place; both kinds reject by throwing a StatusError. */
export interface AdmissionAttributes {
  operation: AdmissionOperation;
  resource: GroupVersionResource;
  kind: string;
  /** '' for the main resource. */
  subresource: string;
  namespace: string;
  name: string;
  /** Undefined on DELETE. */
  object: KubeObject | undefined;
  /** Undefined on CREATE. Frozen. */
  oldObject: KubeObject | undefined;
  options: Record<string, unknown>;
  user: UserInfo;
  dryRun: boolean;
  warn(text: string): void;
}

/** The part of a request that decides which plugins look at it. */
export type AdmissionTarget = Pick<AdmissionAttributes, 'operation' | 'resource' | 'subresource'>;

export interface AdmissionPlugin {
  /** Kubernetes' own name, e.g. NamespaceLifecycle. */
  readonly name: string;
  /** Asked once for each operation, resource and subresource: the answer is kept. */
  handles(target: AdmissionTarget): boolean;
  admit?(attributes: AdmissionAttributes): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
}
