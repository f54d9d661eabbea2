/** One file with a Deployment, a Service, a ConfigMap and a Secret, as a user writes it. */
export function webManifest(image: string): string {
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: web-config}
data: {greeting: hello from a ConfigMap}
---
apiVersion: v1
kind: Secret
metadata: {name: web-secret}
stringData: {password: s3cret}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
      - name: web
        image: ${image}
        ports: [{name: http, containerPort: 8080}]
        env:
        - {name: GREETING, valueFrom: {configMapKeyRef: {name: web-config, key: greeting}}}
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: web-secret, key: password}}}
        - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        volumeMounts: [{name: config, mountPath: /config}]
        resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [sleep, "2"]}}}
      volumes: [{name: config, configMap: {name: web-config}}]
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http, nodePort: 30080}]
`;
}

export function toolPod(name: string, image: string): string {
  return `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: tool, image: ${image}, command: [sh, -c, "while :; do echo tick; sleep 1; done"]}
`;
}

/** A pod that serves its host name as a page on `port`, Ready once it does. `spec` and `extra` are flow YAML to add. */
export function echoPod(
  name: string,
  image: string,
  labels: Record<string, string>,
  spec = '',
  extra = '',
  port = 8080,
): string {
  return `apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: ${JSON.stringify(labels)}}
spec:
  ${spec.replaceAll(', ', '\n  ')}
  terminationGracePeriodSeconds: 1
  containers:
  - name: echo
    image: ${image}
    command: [sh, -c, 'mkdir /tmp/www; hostname > /tmp/www/index.html; exec httpd -f -p ${port} -h /tmp/www']
    ports: [{containerPort: ${port}${extra && `, ${extra}`}}]
    readinessProbe: {tcpSocket: {port: ${port}}, periodSeconds: 1}
`;
}

export function serviceOf(name: string, spec: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\nspec: {${spec}}\n`;
}
