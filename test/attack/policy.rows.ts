import { codes } from './attack.js';
import { OWN } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'policy';
const REGISTRATION = 'admissionregistration.k8s.io/v1';

const object = (apiVersion: string, kind: string, more: object, labels?: object) => ({
  apiVersion,
  kind,
  metadata: { name: 'policy', labels },
  ...more,
});
const binding = { policyName: 'policy' };
const rules = [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }];
const matchConstraints = { resourceRules: rules };

/** Objects that restrict others where they are enforced. */
const POLICIES: [path: string, object: object][] = [
  ['/api/v1/namespaces', object('v1', 'Namespace', {}, { 'pod-security.kubernetes.io/enforce': 'restricted' })],
  [`/api/v1/namespaces/${OWN}/resourcequotas`, object('v1', 'ResourceQuota', { spec: { hard: { pods: '1' } } })],
  [
    `/apis/networking.k8s.io/v1/namespaces/${OWN}/networkpolicies`,
    object('networking.k8s.io/v1', 'NetworkPolicy', { spec: { podSelector: {} } }),
  ],
  [
    `/apis/${REGISTRATION}/validatingadmissionpolicies`,
    object(REGISTRATION, 'ValidatingAdmissionPolicy', {
      spec: { matchConstraints, validations: [{ expression: 'false' }] },
    }),
  ],
  [
    `/apis/${REGISTRATION}/validatingadmissionpolicybindings`,
    object(REGISTRATION, 'ValidatingAdmissionPolicyBinding', { spec: { ...binding, validationActions: ['Deny'] } }),
  ],
];

export const policyRows: PlaneRow[] = [
  {
    area,
    finding: 'a policy that is not enforced says so',
    run: async (attempt, { who }) => {
      for (const [path, body] of POLICIES) {
        const answer = await attempt.try(
          who.administrator,
          { method: 'POST', path: `${path}?dryRun=All`, body },
          codes(201),
        );
        const warning = answer.headers['warning'];
        attempt.check(
          who.administrator.name,
          `POST ${path}`,
          'a Warning header',
          warning !== undefined,
          `no Warning: ${answer.text}`,
        );
      }
    },
  },
];
