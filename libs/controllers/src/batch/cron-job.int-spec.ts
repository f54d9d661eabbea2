import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { isNotFound, type KubeObject } from '#apimachinery';
import { which } from '#host';
import { type CronJob, type Event, gvr, type Job } from '#kinds';
import { type ControllerEnvironment, controllerEnvironment, testUnless } from '#testing';

const MERGE = 'application/merge-patch+json';

let env: ControllerEnvironment;
beforeAll(async () => {
  env = await controllerEnvironment({ agent: true });
});
afterAll(() => env.close());

const template = (annotations: Record<string, string>, spec: object = {}) => ({
  spec: {
    template: {
      metadata: { annotations },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'x' }] },
    },
    ...spec,
  },
});
const create = (namespace: string, spec: object) =>
  env.client.create<KubeObject>(gvr.cronjobs, namespace, {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cron' },
    spec: { schedule: '@every 1s', jobTemplate: template({ 'test/exit': '0' }), ...spec },
  });
const get = (namespace: string) => env.client.get<CronJob & KubeObject>(gvr.cronjobs, namespace, 'cron');
const jobs = async (namespace: string) => (await env.client.list<Job & KubeObject>(gvr.jobs, { namespace })).items;
const reasons = async (namespace: string) =>
  (await env.client.list<Event & KubeObject>(gvr.events, { namespace })).items
    .filter(({ involvedObject }) => involvedObject.kind === 'CronJob')
    .map(({ reason, message }) => `${reason}: ${message}`);

describe('CronJob', () => {
  it('starts a Job, follows it to its end, and says so', async () => {
    const namespace = await env.namespace();
    await create(namespace, {});
    const [job] = await env.until('a Job', async () => {
      const all = await jobs(namespace);
      return all.length > 0 && all;
    });
    assert.match(job!.metadata.name!, /^cron-\d+$/);
    assert.equal(job!.metadata.ownerReferences?.[0]?.kind, 'CronJob');
    assert.ok(
      !Number.isNaN(Date.parse(job!.metadata.annotations!['batch.kubernetes.io/cronjob-scheduled-timestamp']!)),
    );
    const { status } = await env.until('its success', async () => {
      const cron = await get(namespace);
      return cron.status?.lastSuccessfulTime !== undefined && !cron.status.active && cron;
    });
    assert.ok(status?.lastScheduleTime);
    await env.until('the events', async () => {
      const told = await reasons(namespace);
      const wanted = [
        `SuccessfulCreate: Created job ${job!.metadata.name}`,
        `SawCompletedJob: Saw completed job: ${job!.metadata.name}, condition: Complete`,
      ];
      return wanted.every((event) => told.includes(event));
    });
  });

  it('starts none while suspended', async () => {
    const namespace = await env.namespace();
    await create(namespace, { suspend: true });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    assert.deepEqual(await jobs(namespace), []);
    await env.client.patch(gvr.cronjobs, namespace, 'cron', MERGE, { spec: { suspend: false } });
    await env.until('a Job', async () => (await jobs(namespace)).length > 0);
  });

  it('keeps as many ended Jobs as it is told to', async () => {
    const namespace = await env.namespace();
    await create(namespace, { successfulJobsHistoryLimit: 0 });
    await env.until('the success', async () => (await get(namespace)).status?.lastSuccessfulTime !== undefined);
    await env.until('no Job', async () =>
      (await reasons(namespace)).some((reason) => reason.startsWith('SuccessfulDelete: Deleted job cron-')),
    );
  });

  it('replaces all that are active', async () => {
    const namespace = await env.namespace();
    const cron = await create(namespace, { suspend: true });
    const { uid } = cron.metadata;
    const owner = { apiVersion: 'batch/v1', kind: 'CronJob', name: 'cron', uid: uid!, controller: true };
    const active = [];
    for (const name of ['one', 'two']) {
      const job = await env.client.create<KubeObject>(gvr.jobs, namespace, {
        apiVersion: 'batch/v1',
        kind: 'Job',
        metadata: { name, ownerReferences: [owner] },
        ...template({}),
      });
      active.push({ apiVersion: 'batch/v1', kind: 'Job', namespace, name, uid: job.metadata.uid });
    }
    await env.client.patch(gvr.cronjobs, namespace, 'cron', MERGE, { status: { active } }, { subresource: 'status' });
    const spec = { suspend: false, concurrencyPolicy: 'Replace', jobTemplate: template({}) };
    await env.client.patch(gvr.cronjobs, namespace, 'cron', MERGE, { spec });
    await env.until('the new Job alone', async () => {
      const names = (await jobs(namespace)).map(({ metadata }) => metadata.name!);
      return names.length === 1 && names[0]!.startsWith('cron-');
    });
  });

  it('drops a Job from its active ones when somebody has deleted it', async () => {
    const namespace = await env.namespace();
    await create(namespace, { concurrencyPolicy: 'Forbid', jobTemplate: template({}) });
    const active = await env.until('an active Job', async () => (await get(namespace)).status?.active?.[0]);
    await env.client.patch(gvr.cronjobs, namespace, 'cron', MERGE, { spec: { suspend: true } });
    await env.client.delete(gvr.jobs, namespace, active.name!, { propagationPolicy: 'Background' });
    await env.until('no active Job', async () => !(await get(namespace)).status?.active);
    await env.until('the event', async () =>
      (await reasons(namespace)).includes(`MissingJob: Active job went missing: ${active.name}`),
    );
  });
});

const kubectl = which('kubectl');

describe('a Job that a user makes of a CronJob', () => {
  testUnless(
    !kubectl && 'there is no kubectl',
    'with kubectl create job --from runs, is no run of the schedule, and is cleaned with its history',
    async () => {
      const namespace = await env.namespace();
      await create(namespace, {
        schedule: '0 0 1 1 *',
        concurrencyPolicy: 'Forbid',
        successfulJobsHistoryLimit: 1,
        jobTemplate: { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } }, ...template({ 'test/exit': '0' }) },
      });
      const make = async (name: string) => {
        const args = ['--kubeconfig', env.server.adminKubeconfig, '-n', namespace, 'create', 'job', name];
        const { stdout } = await promisify(execFile)(kubectl!, [...args, '--from=cronjob/cron']);
        assert.equal(stdout, `job.batch/${name} created\n`);
      };
      await make('first');
      const succeeded = await env.until('success', async () => {
        const [job] = await jobs(namespace);
        return job?.status?.completionTime !== undefined && job;
      });
      assert.deepEqual(succeeded.metadata.labels!['a'], 'b');
      assert.equal(succeeded.metadata.annotations!['cronjob.kubernetes.io/instantiate'], 'manual');
      assert.equal(succeeded.metadata.ownerReferences![0]!.kind, 'CronJob');
      const status = await env.until('its time', async () => {
        const { status: seen } = await get(namespace);
        return seen?.lastSuccessfulTime !== undefined && seen;
      });
      assert.equal(status.lastSuccessfulTime, succeeded.status!.completionTime);
      assert.deepEqual([status.active ?? [], status.lastScheduleTime], [[], undefined]);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await make('second');
      await env.until(
        'the history',
        async () => (await jobs(namespace)).map(({ metadata }) => metadata.name).join() === 'second',
      );
      const told = (await reasons(namespace)).filter((text) => text.startsWith('UnexpectedJob'));
      assert.ok(
        told.includes('UnexpectedJob: Saw a job that the controller did not create or forgot: first'),
        told.join(),
      );
    },
  );
});

describe('the time to live of ended Jobs', () => {
  const job = async (namespace: string, spec: object, exit: string) =>
    env.client.create<KubeObject>(gvr.jobs, namespace, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'job' },
      ...template({ 'test/exit': exit }, spec),
    });
  const isGone = async (namespace: string) => {
    try {
      await env.client.get(gvr.jobs, namespace, 'job');
      return false;
    } catch (error) {
      return isNotFound(error);
    }
  };

  for (const [end, exit, spec] of [
    ['succeeded', '0', {}],
    ['failed', '1', { backoffLimit: 0 }],
  ] as const) {
    it(`ends one that has ${end}, with its pods`, async () => {
      const namespace = await env.namespace();
      await job(namespace, { ...spec, ttlSecondsAfterFinished: 1 }, exit);
      await env.until('its end', () => isGone(namespace));
      assert.deepEqual((await env.client.list(gvr.pods, { namespace })).items, []);
    });
  }

  it('can be given later', async () => {
    const namespace = await env.namespace();
    await job(namespace, {}, '0');
    await env.until('success', async () => {
      const found = await env.client.get<Job & KubeObject>(gvr.jobs, namespace, 'job');
      return found.status?.completionTime !== undefined;
    });
    await env.client.patch(gvr.jobs, namespace, 'job', MERGE, { spec: { ttlSecondsAfterFinished: 0 } });
    await env.until('its end', () => isGone(namespace));
  });
});
