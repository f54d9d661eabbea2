import { existsSync } from 'node:fs';
import { Discovery, HttpClient, loadConfig } from '#client';
import { type Flag, parseFlags, usage } from '#settings';
import { applyObject } from './apply/apply-object.js';
import { readManifests } from './apply/manifests.js';
import { dataDirFlag, dataDirOf } from './settings.js';
import { CliError, UsageError, type Verb } from './verb.js';

const flags: readonly Flag[] = [
  dataDirFlag,
  {
    name: 'filename',
    argument: 'PATH',
    help: 'file, folder, or - for standard input; -f for short; may repeat',
    multiple: true,
    short: 'f',
  },
  { name: 'namespace', argument: 'NAME', help: 'for objects that name none', default: 'default' },
  { name: 'kubeconfig', argument: 'FILE', help: 'another cluster', default: "this Berth's" },
];

export const apply: Verb = {
  async run(args) {
    const { values } = parseFlags(flags, args);
    if (values.help) {
      process.stdout.write(
        usage('berth apply -f PATH...', 'Creates or updates the objects of all documents, in their order.', flags),
      );
      return 0;
    }
    const paths = (values.filename as string[] | undefined) ?? [];
    if (paths.length === 0) throw new UsageError('apply needs -f PATH');
    const manifests = readManifests(paths);
    if (manifests.length === 0) throw new CliError('the input contains no object');
    const own = dataDirOf(values).kubeconfig;
    if (!values.kubeconfig && !existsSync(own)) throw new CliError(`${own} does not exist yet; run: npm run up`);
    const config = loadConfig({ path: (values.kubeconfig as string | undefined) ?? own });
    const client = new HttpClient(config);
    const cluster = { client, discovery: new Discovery(client.transport) };
    let failed = 0;
    for (const { object, origin } of manifests) {
      try {
        console.log(await applyObject(cluster, object, (values.namespace as string | undefined) ?? 'default'));
      } catch (error) {
        console.error(`${origin}: ${(error as Error).message}`);
        failed++;
      }
    }
    return failed === 0 ? 0 : 1;
  },
};
