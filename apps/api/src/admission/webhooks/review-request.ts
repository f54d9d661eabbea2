import type { KubeObject } from '#apimachinery';

/** `request` of an AdmissionReview, and what match conditions know of a request. */
export interface ReviewRequest {
  readonly uid: string;
  readonly object: KubeObject | null;
  readonly oldObject: KubeObject | null;
  readonly [field: string]: unknown;
}
