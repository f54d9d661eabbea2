/** The admission plugins, in the order in which they are called (AllOrderedPlugins of kube-apiserver), and those that run unless disabled. */
export const ADMISSION_PLUGINS = [
  'NamespaceLifecycle',
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'LimitRanger',
  'ServiceAccount',
  'NodeRestriction',
  'TaintNodesByCondition',
  'AlwaysPullImages',
  'PodSecurity',
  'PodNodeSelector',
  'Priority',
  'DefaultTolerationSeconds',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DefaultStorageClass',
  'StorageObjectInUseProtection',
  'PersistentVolumeClaimResize',
  'RuntimeClass',
  'CertificateApproval',
  'CertificateSigning',
  'ClusterTrustBundleAttest',
  'CertificateSubjectRestriction',
  'DefaultIngressClass',
  'DenyServiceExternalIPs',
  'PodTopologyLabels',
  'NodeDeclaredFeatureValidator',
  'PodResizeValidator',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionWebhook',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionWebhook',
  'ResourceQuota',
] as const;

export type AdmissionPluginName = (typeof ADMISSION_PLUGINS)[number];

/** NodeRestriction is not on by default in kube-apiserver; kubeadm turns it on, and nodes of Berth need it. */
const OFF_BY_DEFAULT: ReadonlySet<AdmissionPluginName> = new Set([
  'NamespaceExists',
  'LimitPodHardAntiAffinityTopology',
  'AlwaysPullImages',
  'PodNodeSelector',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'DenyServiceExternalIPs',
] as const);

export function isAdmissionPlugin(name: string): name is AdmissionPluginName {
  return (ADMISSION_PLUGINS as readonly string[]).includes(name);
}

/** The plugins that run; both lists change what is on by default. */
export function enabledAdmissionPlugins(
  enable: readonly AdmissionPluginName[],
  disable: readonly AdmissionPluginName[],
): ReadonlySet<AdmissionPluginName> {
  const on = ADMISSION_PLUGINS.filter((name) => enable.includes(name) || !OFF_BY_DEFAULT.has(name));
  return new Set(on.filter((name) => !disable.includes(name)));
}
