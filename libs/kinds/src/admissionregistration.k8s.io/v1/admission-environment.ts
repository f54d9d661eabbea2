import { type CelEnvironment, type CelType, cel } from '#cel';

/** What expressions about requests know: apiserver's pkg/admission/plugin/cel declares these types. */

const text = { type: cel.string };
const optionalText = { type: cel.string, optional: true };

const groupVersion = { group: text, version: text };
const kindType = cel.object('kubernetes.GroupVersionKind', { ...groupVersion, kind: text });
const resourceType = cel.object('kubernetes.GroupVersionResource', { ...groupVersion, resource: text });
const userType = cel.object('kubernetes.UserInfo', {
  username: optionalText,
  uid: optionalText,
  groups: { type: cel.list(cel.string), optional: true },
  extra: { type: cel.map(cel.string, cel.list(cel.string)), optional: true },
});

const requestType = cel.object('kubernetes.AdmissionRequest', {
  kind: { type: kindType },
  resource: { type: resourceType },
  subResource: optionalText,
  requestKind: { type: kindType },
  requestResource: { type: resourceType },
  requestSubResource: optionalText,
  name: text,
  namespace: optionalText,
  operation: text,
  userInfo: { type: userType },
  dryRun: { type: cel.bool, optional: true },
  options: { type: cel.dyn, optional: true },
});

const textMap: { type: CelType } = { type: cel.map(cel.string, cel.string) };
const moment: { type: CelType } = { type: cel.timestamp };

const conditionType = cel.object('kubernetes.NamespaceCondition', {
  ...{ status: text, type: text, lastTransitionTime: moment, message: text, reason: text },
});

/** Without fields that nobody should decide by: owners, managers. */
const namespaceType = cel.object('kubernetes.Namespace', {
  metadata: {
    type: cel.object('kubernetes.NamespaceMetadata', {
      ...{ name: text, generateName: text, namespace: text, labels: textMap, annotations: textMap },
      ...{ UID: text, creationTimestamp: moment, deletionTimestamp: moment },
      deletionGracePeriodSeconds: { type: cel.int },
      generation: { type: cel.int },
      resourceVersion: text,
      finalizers: { type: cel.list(cel.string) },
    }),
  },
  spec: {
    type: cel.object('kubernetes.NamespaceSpec', { finalizers: { type: cel.list(cel.string) } }),
  },
  status: {
    type: cel.object('kubernetes.NamespaceStatus', { conditions: { type: cel.list(conditionType) }, phase: text }),
  },
});

/** Of match conditions; policies have `params` and variables of their own beside these. */
export const admissionEnvironment: CelEnvironment = {
  authorizer: true,
  variables: {
    object: { type: cel.dyn },
    oldObject: { type: cel.dyn },
    namespaceObject: { type: namespaceType },
    request: { type: requestType },
  },
};

/** The same for what the store has already accepted: functions of the newest version are known. */
export const storedAdmissionEnvironment: CelEnvironment = { ...admissionEnvironment, version: 'stored' };
