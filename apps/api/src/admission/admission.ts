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

export interface AdmissionPlugin {
  /** Kubernetes' own name, e.g. NamespaceLifecycle. */
  readonly name: string;
  handles(attributes: AdmissionAttributes): boolean;
  admit?(attributes: AdmissionAttributes): void | Promise<void>;
  validate?(attributes: AdmissionAttributes): void | Promise<void>;
}
