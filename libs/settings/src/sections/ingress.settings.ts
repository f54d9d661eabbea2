import { isIP } from 'node:net';
import { IsPort, IsSwitch, Parses } from '../constraints.js';
import { NumberSetting, SwitchSetting, TextSetting } from '../setting.js';

/** How the Ingresses of the cluster are served on this node. */
export class IngressSettings {
  @IsPort(1)
  @NumberSetting({
    help: 'port of the node that serves Ingresses by HTTP',
    argument: 'PORT',
    default: 80,
    programs: { up: true, ingress: 'http-port' },
  })
  ingressHttpPort!: number;

  @IsPort(1)
  @NumberSetting({
    help: 'port of the node that serves Ingresses by HTTPS',
    argument: 'PORT',
    default: 443,
    programs: { up: true, ingress: 'https-port' },
  })
  ingressHttpsPort!: number;

  @Parses(checkEndpoint)
  @TextSetting({
    help: 'where the metrics of the Ingress proxy are read',
    argument: 'IP:PORT',
    default: '127.0.0.1:10254',
    programs: { up: true, ingress: 'metrics-bind-address' },
  })
  ingressMetricsBindAddress!: string;

  @IsSwitch()
  @SwitchSetting({
    help: 'log no line for each request of an Ingress',
    default: true,
    programs: { up: 'no-ingress-access-log', ingress: 'access-log' },
    negated: true,
  })
  ingressAccessLog!: boolean;
}

/** `address:port`; an address of IPv6 is in brackets. */
function checkEndpoint(text: string): void {
  const [, inBrackets, plain, port] = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text) ?? [];
  const isAddress = inBrackets === undefined ? isIP(plain ?? '') === 4 : isIP(inBrackets) === 6;
  if (!isAddress || Number(port) < 1 || Number(port) > 65_535) throw new Error(`must be IP:PORT: got ${text}`);
}
