import { codes } from './attack.js';
import { othersAreUnchanged } from './rights.rows.js';
import type { PlaneRow } from './stage.js';

const area = 'aftermath';
/** A server at rest has some 130 MiB; what it keeps after all attacks is mostly its heap's slack. */
const LARGEST_RESIDENT_MIB = 900;
/** A line of Node's or ours that no client's doing may cause. */
const ALARMS = /Warning: |unhandled|uncaught|heap out of memory|ERR_INTERNAL|TypeError|RangeError/i;

export const aftermathRows: PlaneRow[] = [
  { area, finding: "nothing outside of the attackers' namespace has changed", run: othersAreUnchanged },
  {
    area,
    finding: 'the server is the same process and answers within a second',
    run: async (attempt, { plane, who }) => {
      attempt.check('-', 'the process', 'never restarted', plane.isSameProcess, plane.process.exitCode);
      for (const path of ['/readyz', '/livez', '/version', '/api/v1/namespaces', '/metrics']) {
        const begun = Date.now();
        await attempt.try(who.administrator, { path, timeoutMs: 20_000 }, codes(200));
        attempt.check(
          'administrator',
          path,
          'an answer in 1000 ms',
          Date.now() - begun < 1000,
          `${Date.now() - begun} ms`,
        );
      }
    },
  },
  {
    area,
    finding: 'no request counts as open and memory is bounded',
    run: async (attempt, { plane }) => {
      // Kept connections have none under way.
      plane.requester.close();
      const open = await plane.openRequests();
      attempt.check('-', '/metrics', 'gauges at 0', open === 0, `${open} requests count as open`);
      const resident = plane.residentMiB;
      attempt.check(
        '-',
        'the process',
        `at most ${LARGEST_RESIDENT_MIB} MiB`,
        resident < LARGEST_RESIDENT_MIB,
        `${resident.toFixed(0)} MiB`,
      );
    },
  },
  {
    area,
    finding: 'the log holds no alarm and no secret',
    run: async (attempt, { plane, who }) => {
      const lines = plane.log.split('\n');
      const alarms = lines.filter((line) => ALARMS.test(line));
      attempt.check('-', 'server.log', 'no alarm', alarms.length === 0, alarms.slice(0, 3));
      const token = who.owner.headers!['Authorization']!.slice(-40);
      const secrets = lines.filter((line) => line.includes(token) || line.includes('the-password-of-the-victim'));
      attempt.check('-', 'server.log', 'no token and no password', secrets.length === 0, secrets.slice(0, 3));
    },
  },
];
