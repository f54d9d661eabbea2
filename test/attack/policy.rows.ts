import { codes } from './attack.js';
import type { PlaneRow } from './stage.js';

const area = 'policy';

const object = (apiVersion: string, kind: string, more: object, labels?: object) => ({
  apiVersion,
  kind,
  metadata: { name: 'policy', labels },
  ...more,
});

/** Objects that the API takes and nothing acts on yet. */
const WITHOUT_EFFECT: [path: string, object: object][] = [
  ['/apis/storage.k8s.io/v1/csidrivers', object('storage.k8s.io/v1', 'CSIDriver', { spec: {} })],
];

export const policyRows: PlaneRow[] = [
  {
    area,
    finding: 'what is taken and has no effect yet says so',
    run: async (attempt, { who }) => {
      for (const [path, body] of WITHOUT_EFFECT) {
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
