import { codes } from './attack.js';
import type { PlaneRow } from './stage.js';

const area = 'policy';

const object = (apiVersion: string, kind: string, more: object, labels?: object) => ({
  apiVersion,
  kind,
  metadata: { name: 'policy', labels },
  ...more,
});

/** Objects that restrict others where they are enforced. */
const POLICIES: [path: string, object: object][] = [
  [
    '/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas',
    object('flowcontrol.apiserver.k8s.io/v1', 'FlowSchema', {
      spec: { priorityLevelConfiguration: { name: 'catch-all' } },
    }),
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
