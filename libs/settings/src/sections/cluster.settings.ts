import { parseDuration } from '#apimachinery';
import { Matches } from '../class-validator.js';
import { EachItem, IsOneOf, IsSwitch, IsText, IsWhole, Parses } from '../constraints.js';
import { defaultDataDir } from '../defaults.js';
import { isAdmissionPlugin } from '../formats/admission-plugins.js';
import { NumberSetting, SwitchSetting, TextSetting } from '../setting.js';

export const COMPONENTS = ['api', 'controllers', 'scheduler'] as const;
export const DISABLEABLE = ['local-storage', 'servicelb', 'ingress'] as const;

/** The cluster as a whole: where its state is, and what runs. */
export class ClusterSettings {
  @TextSetting({
    help: 'folder of all state',
    argument: 'DIR',
    default: defaultDataDir(),
    otherwise: '/var/lib/berth; without root ~/.local/share/berth',
    programs: { up: true, server: true, agent: true },
    flagOnly: true,
  })
  dataDir!: string;

  @TextSetting({
    help: 'file with values of these settings; flags override it',
    argument: 'FILE',
    programs: { up: true },
    flagOnly: true,
  })
  config?: string;

  @IsWhole(1)
  @NumberSetting({
    help: 'how long to wait for the cluster',
    argument: 'SECONDS',
    default: 120,
    programs: { up: true },
    flagOnly: true,
  })
  timeout!: number;

  @IsSwitch()
  @SwitchSetting({
    help: 'run only the control plane: needs no root',
    otherwise: 'true without root',
    programs: { up: 'no-node' },
    negated: true,
  })
  node?: boolean;

  @IsOneOf(['auto', 'systemd', 'supervisor'])
  @TextSetting({
    help: 'who runs the processes: systemd, supervisor, or auto',
    argument: 'NAME',
    default: 'auto',
    otherwise: 'auto: systemd where it is process 1 and the data directory is /var/lib/berth',
    programs: { up: true },
  })
  processManager!: 'auto' | 'systemd' | 'supervisor';

  // Its value is not shown: it may have a password.
  @Matches(/^(?:$|postgres(?:ql)?:\/\/)/, { message: 'must begin with postgres:// or postgresql://' })
  @TextSetting({
    help: 'your own PostgreSQL',
    argument: 'URL',
    otherwise: { up: '$DATABASE_URL, or the embedded PostgreSQL', server: '$DATABASE_URL' },
    environment: 'DATABASE_URL',
    programs: { up: true, server: true },
  })
  databaseUrl?: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'several servers use the database: each consistent read asks it',
    default: false,
    programs: { up: true, server: true },
  })
  sharedDatabase!: boolean;

  @EachItem((item) => (COMPONENTS as readonly string[]).includes(item), `must be one of ${COMPONENTS.join(', ')}`)
  @IsText(/./, 'must name a component')
  @TextSetting({
    help: 'components that the server runs',
    argument: 'LIST',
    default: COMPONENTS.join(','),
    list: true,
    programs: { up: true, server: true },
  })
  components!: string;

  @Parses(parseDelay)
  @TextSetting({
    help: 'how long the server goes on serving when it is told to end; /readyz fails meanwhile',
    argument: 'DURATION',
    default: '0s',
    programs: { up: true, server: true },
  })
  shutdownDelayDuration!: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'an ending server listens until running requests have finished, and answers new ones with 429',
    default: false,
    programs: { up: true, server: true },
  })
  shutdownSendRetryAfter!: boolean;

  @EachItem(isAdmissionPlugin, 'must name an admission plugin')
  @TextSetting({
    help: 'admission plugins to run beside those that are on by default',
    argument: 'LIST',
    default: '',
    list: true,
    programs: { up: true, server: true },
  })
  enableAdmissionPlugins!: string;

  @EachItem(isAdmissionPlugin, 'must name an admission plugin')
  @TextSetting({
    help: 'admission plugins not to run',
    argument: 'LIST',
    default: '',
    list: true,
    programs: { up: true, server: true },
  })
  disableAdmissionPlugins!: string;

  @IsText(/^(?:\/|$)/, 'must be an absolute path')
  @TextSetting({
    help: 'file of the kind AdmissionConfiguration: settings of admission plugins',
    argument: 'FILE',
    default: '',
    programs: { up: true, server: true },
  })
  admissionControlConfigFile!: string;

  @EachItem((item) => (DISABLEABLE as readonly string[]).includes(item), `must be one of ${DISABLEABLE.join(', ')}`)
  @TextSetting({
    help: 'parts to leave out: local-storage (the class local-path), servicelb (load balancers at the addresses of the nodes), ingress (what serves Ingresses, and its class)',
    argument: 'LIST',
    default: '',
    list: true,
    programs: { up: true, server: true },
  })
  disable!: string;
}

/** The message is the reference's. */
function parseDelay(text: string): void {
  if (parseDuration(text) < 0) throw new Error('can not be negative value');
}
