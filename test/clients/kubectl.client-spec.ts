import 'reflect-metadata';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { gvr } from '#kinds';
import { describeUnless, type TestServer, testServer } from '#testing';
import { certificateRequest } from '../fuzz/samples.js';
import { type Call, calls } from './kubectl/calls.js';
import { PodPlayer } from './pod-player.js';
import { clientFiles, goProgramAt, installedProgram, type Program, run, scratch } from './programs.js';

const OBJECTS = clientFiles('kubectl', 'objects.yaml');

function describeKubectl(title: string, program: Program): void {
  describeUnless(program.missing, title, () => {
    let api: TestServer;
    let player: PodPlayer;

    beforeAll(async () => {
      api = await testServer({ components: ['controllers', 'scheduler'] });
      const client = api.client();
      player = new PodPlayer(client);
      await client.create(gvr.nodes, '', { apiVersion: 'v1', kind: 'Node', metadata: { name: 'player' } });
      const { pem } = await certificateRequest();
      const request = Buffer.from(pem).toString('base64');
      await client.create<any>(gvr.certificatesigningrequests, '', {
        ...{ apiVersion: 'certificates.k8s.io/v1', kind: 'CertificateSigningRequest', metadata: { name: 'asked' } },
        spec: { request, signerName: 'example.com/signer', usages: ['client auth'] },
      });
    });
    afterAll(async () => {
      await player?.close();
      await api?.close();
    });

    const check = async ({ args, says = /(?:)/, fails, env = {} }: Call): Promise<void> => {
      const { code, output } = await run([...program.command!, ...args], {
        env: { ...env, KUBECONFIG: api.adminKubeconfig, KUBECACHEDIR: join(scratch(title), 'cache') },
        timeoutMs: 2 * 60_000,
      });
      const line = `kubectl ${args.join(' ')}: ${code}\n${output}`;
      assert.equal(code !== 0, fails === true, line);
      assert.match(output, says, line);
    };

    for (const [about, list] of Object.entries(calls(OBJECTS))) {
      test(about, async () => {
        const failures: string[] = [];
        for (const call of list) await check(call).catch(({ message }) => failures.push(message));
        assert.deepEqual(failures, []);
      });
    }
  });
}

describeKubectl('kubectl of this machine', await installedProgram('kubectl'));
/** A release has it from its linker. */
const named = '-X k8s.io/component-base/version.gitVersion=v1.37.2';
describeKubectl('kubectl 1.37', await goProgramAt('kubectl/command', 'k8s.io/kubectl', 'v0.37.2', named));
