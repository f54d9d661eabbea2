import { codes, type Expected } from './attack.js';
import { CONFINED } from './identities.js';
import type { PlaneRow } from './stage.js';

const area = 'quota';
const NAMESPACE = `/api/v1/namespaces/${CONFINED}`;
const MERGE = { 'Content-Type': 'application/merge-patch+json' };

const exceeded: Expected = {
  says: '403 by a quota',
  accepts: ({ code, text }) => code === 403 && text.includes('exceeded quota'),
};
const configMap = (name: string, metadata: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
});

export const quotaRows: PlaneRow[] = [
  {
    area,
    finding: 'a full quota lets nothing through, and who it holds for cannot widen or free it',
    run: async (attempt, { who }) => {
      const maps = `${NAMESPACE}/configmaps`;
      for (const path of [maps, `${maps}?dryRun=All`, `${maps}?fieldManager=x`]) {
        await attempt.try(who.editor, { method: 'POST', path, body: configMap('more') }, exceeded);
      }
      const named = { method: 'POST', path: maps, body: configMap('', { name: undefined, generateName: 'more-' }) };
      await attempt.try(who.editor, named, exceeded);
      const quota = `${NAMESPACE}/resourcequotas/target`;
      for (const [path, body] of [
        [quota, { spec: { hard: { configmaps: '9' } } }],
        [`${quota}/status`, { status: { hard: { configmaps: '9' }, used: { configmaps: '0' } } }],
      ] as const) {
        await attempt.try(who.editor, { method: 'PATCH', path, headers: MERGE, body }, codes(403));
      }
      await attempt.try(who.editor, { method: 'DELETE', path: quota }, codes(403));
      // Many at a time are one at a time.
      await Promise.all(
        Array.from({ length: 32 }, (_, i) =>
          attempt.try(who.editor, { method: 'POST', path: maps, body: configMap(`many-${i}`) }, exceeded),
        ),
      );
    },
  },
];
