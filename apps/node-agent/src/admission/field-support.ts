/** What becomes of a field of a pod's spec on this node. */
export interface FieldSupport {
  /** The agent, or the runtime by its order, does what the field says, or refuses the pod when it cannot. */
  acts?: string;
  /** The API server, the scheduler or a controller acts on it. */
  elsewhere?: string;
  /** It has no meaning on Linux, or on a kernel without SELinux; kubelet leaves it aside as well. */
  inert?: string;
  /** A pod that sets it (to what is no default) does not run here. */
  refused?: string;
}

const CONTAINER =
  'args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy resources' +
  ' restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath' +
  ' terminationMessagePolicy tty volumeDevices volumeMounts workingDir';

/**
 * Every field of a pod's spec, by type, with names apart by blanks. What a field asks for and does not get fails the pod: a new
 * field of the API stands in no list, and the test says so until somebody has decided what becomes of it.
 */
// test-only: it is what somebody decided; the spec compares the API's fields and the code with it
export const FIELD_SUPPORT: Readonly<Record<string, FieldSupport>> = {
  PodSpec: {
    acts:
      'activeDeadlineSeconds containers dnsConfig dnsPolicy enableServiceLinks ephemeralContainers hostAliases hostIPC hostNetwork' +
      ' hostPID hostname hostnameOverride imagePullSecrets initContainers nodeName os overhead priority readinessGates resources' +
      ' restartPolicy runtimeClassName securityContext serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain' +
      ' terminationGracePeriodSeconds volumes',
    // Admission of the node asks for affinity, selector and tolerations once more.
    elsewhere:
      'affinity automountServiceAccountToken evictionResponders nodeSelector preemptionPolicy priorityClassName schedulerName' +
      ' schedulingGates schedulingGroup serviceAccount tolerations topologySpreadConstraints',
    refused: 'hostUsers resourceClaims',
  },
  Container: { acts: CONTAINER },
  EphemeralContainer: { acts: `${CONTAINER} targetContainerName` },
  EnvVar: { acts: 'name value valueFrom' },
  EnvVarSource: { acts: 'configMapKeyRef fieldRef resourceFieldRef secretKeyRef', refused: 'fileKeyRef' },
  ConfigMapKeySelector: { acts: 'key name optional' },
  SecretKeySelector: { acts: 'key name optional' },
  ObjectFieldSelector: { acts: 'apiVersion fieldPath' },
  ResourceFieldSelector: { acts: 'containerName divisor resource' },
  EnvFromSource: { acts: 'configMapRef prefix secretRef' },
  ConfigMapEnvSource: { acts: 'name optional' },
  SecretEnvSource: { acts: 'name optional' },
  Lifecycle: { acts: 'postStart preStop stopSignal' },
  LifecycleHandler: { acts: 'exec httpGet sleep tcpSocket' },
  ExecAction: { acts: 'command' },
  HTTPGetAction: { acts: 'host httpHeaders path port scheme', refused: 'protocol' },
  HTTPHeader: { acts: 'name value' },
  SleepAction: { acts: 'seconds' },
  TCPSocketAction: { acts: 'host port' },
  GRPCAction: { acts: 'port service', refused: 'mode' },
  Probe: {
    acts:
      'exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold tcpSocket' +
      ' terminationGracePeriodSeconds timeoutSeconds',
  },
  ContainerPort: { acts: 'containerPort hostIP hostPort name protocol' },
  ContainerResizePolicy: { acts: 'resourceName restartPolicy' },
  ResourceRequirements: { acts: 'limits requests', refused: 'claims' },
  ContainerRestartRule: { acts: 'exitCodes', refused: 'action' },
  ContainerRestartRuleOnExitCodes: { acts: 'operator values' },
  SecurityContext: {
    acts:
      'allowPrivilegeEscalation appArmorProfile capabilities privileged readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser' +
      ' seLinuxOptions seccompProfile',
    inert: 'windowsOptions',
    refused: 'procMount',
  },
  PodSecurityContext: {
    acts:
      'appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser seLinuxOptions seccompProfile' +
      ' supplementalGroups supplementalGroupsPolicy sysctls',
    inert: 'seLinuxChangePolicy windowsOptions',
  },
  AppArmorProfile: { acts: 'localhostProfile type' },
  SeccompProfile: { acts: 'localhostProfile type' },
  SELinuxOptions: { acts: 'level role type user' },
  Capabilities: { acts: 'add drop' },
  Sysctl: { acts: 'name value' },
  VolumeDevice: { acts: 'devicePath name' },
  VolumeMount: {
    acts: 'mountPath mountPropagation name readOnly subPath subPathExpr',
    refused: 'bindMountOptions recursiveReadOnly',
  },
  PodDNSConfig: { acts: 'nameservers options searches' },
  PodDNSConfigOption: { acts: 'name value' },
  HostAlias: { acts: 'hostnames ip' },
  LocalObjectReference: { acts: 'name' },
  PodOS: { acts: 'name' },
  PodReadinessGate: { acts: 'conditionType' },
  Volume: {
    acts: 'configMap downwardAPI emptyDir ephemeral hostPath image name persistentVolumeClaim projected secret',
    refused:
      'awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk gitRepo' +
      ' glusterfs iscsi nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume',
  },
  ConfigMapVolumeSource: { acts: 'defaultMode items name optional', refused: 'defaultUser' },
  SecretVolumeSource: { acts: 'defaultMode items optional secretName', refused: 'defaultUser' },
  DownwardAPIVolumeSource: { acts: 'defaultMode items', refused: 'defaultUser' },
  ProjectedVolumeSource: { acts: 'defaultMode sources', refused: 'defaultUser' },
  KeyToPath: { acts: 'key mode path', refused: 'user' },
  DownwardAPIVolumeFile: { acts: 'fieldRef mode path resourceFieldRef', refused: 'user' },
  EmptyDirVolumeSource: { acts: 'medium sizeLimit', refused: 'mode' },
  HostPathVolumeSource: { acts: 'path type' },
  PersistentVolumeClaimVolumeSource: { acts: 'claimName readOnly' },
  EphemeralVolumeSource: { elsewhere: 'volumeClaimTemplate' },
  ImageVolumeSource: { acts: 'pullPolicy reference' },
  VolumeProjection: {
    acts: 'clusterTrustBundle configMap downwardAPI podCertificate secret serviceAccountToken',
  },
  ConfigMapProjection: { acts: 'items name optional' },
  SecretProjection: { acts: 'items name optional' },
  DownwardAPIProjection: { acts: 'items' },
  ClusterTrustBundleProjection: { acts: 'labelSelector name optional path signerName', refused: 'user' },
  PodCertificateProjection: {
    acts: 'certificateChainPath credentialBundlePath keyPath keyType maxExpirationSeconds signerName userAnnotations',
    refused: 'user',
  },
  ServiceAccountTokenProjection: { acts: 'audience expirationSeconds path', refused: 'user' },
};
