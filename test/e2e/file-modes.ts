import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who a file belongs to: whoever ran `berth up`, or the embedded PostgreSQL's own user. */
type Owner = 'us' | 'postgres';

interface Rule {
  /** Path below the data directory, as a whole. */
  path: RegExp;
  type: 'directory' | 'file' | 'socket' | 'link';
  /** The most that anybody may do with it. */
  mode: number;
  owner: Owner;
  /** What is below belongs to another program, which nobody else can enter, or to the pods. */
  closed?: true;
}

const directory = (path: RegExp, mode: number, owner: Owner = 'us', closed?: true): Rule => ({
  path,
  type: 'directory',
  mode,
  owner,
  ...(closed ? { closed } : {}),
});
const file = (path: RegExp, mode: number, owner: Owner = 'us'): Rule => ({ path, type: 'file', mode, owner });
const socket = (path: RegExp, mode: number, owner: Owner = 'us'): Rule => ({ path, type: 'socket', mode, owner });

/** Every path of a data directory with what others may do with it. What matches no row has no business there. */
export const FILE_MODES: readonly Rule[] = [
  directory(/^$/, 0o711),
  file(/^(kubeconfig|agent\.kubeconfig|dns\.kubeconfig|ingress\.kubeconfig|network\.kubeconfig)$/, 0o600),
  file(/^(settings|supervisor)\.json$/, 0o600),

  directory(/^pki$/, 0o700),
  file(/^pki\/[a-z-]+\.key$/, 0o600),
  file(/^pki\/[a-z-]+\.(crt|pub)$/, 0o644),

  directory(/^logs$/, 0o750),
  file(/^logs\/[a-z]+\.log(\.\d)?$/, 0o640),

  directory(/^units$/, 0o700),
  file(/^units\/[a-z]+\.env$/, 0o600),

  directory(/^run$/, 0o711),
  socket(/^run\/supervisor\.sock$/, 0o600),
  directory(/^run\/processes$/, 0o700),
  file(/^run\/processes\/[a-z]+\.json$/, 0o600),
  directory(/^run\/containerd$/, 0o711),
  socket(/^run\/containerd\/containerd\.sock(\.ttrpc)?$/, 0o660),
  directory(/^run\/containerd\/state$/, 0o711, 'us', true),

  directory(/^postgres$/, 0o711),
  directory(/^postgres\/server(\/.*)?$/, 0o755),
  file(/^postgres\/server\/.*$/, 0o755),
  { path: /^postgres\/server\/.*$/, type: 'link', mode: 0o777, owner: 'us' },
  directory(/^postgres\/conf$/, 0o711),
  file(/^postgres\/conf\/[a-z_]+\.conf$/, 0o644),
  directory(/^postgres\/run$/, 0o700, 'postgres'),
  socket(/^postgres\/run\/\.s\.PGSQL\.5432$/, 0o700, 'postgres'),
  file(/^postgres\/run\/\.s\.PGSQL\.5432\.lock$/, 0o600, 'postgres'),
  directory(/^postgres\/data$/, 0o700, 'postgres', true),

  directory(/^containerd$/, 0o711),
  file(/^containerd\/config\.toml$/, 0o600),
  directory(/^containerd\/certs\.d$/, 0o755),
  directory(/^containerd\/io\.containerd\.content\.v1\.content$/, 0o700, 'us', true),
  directory(/^containerd\/io\.containerd\.[a-z0-9.-]+$/, 0o711, 'us', true),
  directory(/^containerd\/tmpmounts$/, 0o711, 'us', true),

  directory(/^cni$/, 0o700),
  directory(/^cni\/net\.d$/, 0o700),
  file(/^cni\/net\.d\/[a-z0-9.-]+$/, 0o644),

  directory(/^agent$/, 0o750, 'us'),
  directory(/^agent\/(pods|memory)$/, 0o750, 'us', true),
  directory(/^agent\/[a-z-]+$/, 0o755, 'us', true),
  file(/^agent\/[a-z.-]+$/, 0o644),

  // As node tools expect them; each log is the runtime's, 0640.
  directory(/^pod-logs(\/[^/]+){0,2}$/, 0o755),
  file(/^pod-logs\/[^/]+\/[^/]+\/\d+\.log$/, 0o640),
];

/** What of a data directory matches no row of the table, or allows more than its row, a line each. */
export function wrongModes(dataDir: string): string[] {
  const us = process.getuid!();
  const owners: Record<Owner, number> = { us, postgres: us === 0 ? userId('berth-postgres') : us };
  const wrong: string[] = [];
  const visit = (path: string) => {
    const full = join(dataDir, path);
    const stats = lstatSync(full, { throwIfNoEntry: false });
    // It went while we looked.
    if (!stats) return;
    const type = stats.isDirectory()
      ? 'directory'
      : stats.isSocket()
        ? 'socket'
        : stats.isSymbolicLink()
          ? 'link'
          : 'file';
    const mode = stats.mode & 0o777;
    const rule = FILE_MODES.find((row) => row.type === type && row.path.test(path));
    const shown = `${type} ${path || '.'} (0${mode.toString(8)}, user ${stats.uid})`;
    if (!rule || (type === 'file' && !stats.isFile())) wrong.push(`${shown} is in no row`);
    else if ((mode & ~rule.mode) !== 0) wrong.push(`${shown} is open wider than 0${rule.mode.toString(8)}`);
    else if (stats.uid !== owners[rule.owner]) wrong.push(`${shown} belongs not to ${rule.owner}`);
    if (type !== 'directory' || !rule || rule.closed) return;
    for (const name of readdirSync(full)) visit(path === '' ? name : `${path}/${name}`);
  };
  visit('');
  return wrong;
}

function userId(name: string): number {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((candidate) => candidate.startsWith(`${name}:`));
  return Number(line?.split(':')[2]);
}
