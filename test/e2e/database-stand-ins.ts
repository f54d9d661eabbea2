import type { TarEntry } from '#oci';

/** Programs that keep data in the folders where MySQL, WordPress and Cassandra keep theirs, and speak over the network. */
export const STAND_INS: readonly TarEntry[] = [
  program(
    'bin/mysqld',
    `trap 'exit 0' TERM
     [ -e /var/lib/mysql/password ] || echo "$MYSQL_PASSWORD" > /var/lib/mysql/password
     nc -ll -p 3306 -e /bin/mysql-session &
     wait`,
  ),
  program(
    'bin/mysql-session',
    `read -r user password what table value
     [ "$password" = "$(cat /var/lib/mysql/password)" ] || { echo "Access denied for user $user"; exit; }
     case $what in
       put) echo "$value" > /var/lib/mysql/$table && sync && echo stored ;;
       get) cat /var/lib/mysql/$table ;;
     esac`,
  ),
  program(
    'bin/apache2',
    `trap 'exit 0' TERM
     [ -e /var/www/html/cgi-bin ] || cp -r /usr/src/wordpress/. /var/www/html/
     httpd -f -p 80 -h /var/www/html &
     wait`,
  ),
  program(
    'usr/src/wordpress/cgi-bin/post',
    `printf 'Content-Type: text/plain\\r\\n\\r\\n'
     query() { echo "$WORDPRESS_DB_USER $WORDPRESS_DB_PASSWORD $*" | nc -w 5 "$WORDPRESS_DB_HOST" 3306; }
     if [ "$REQUEST_METHOD" = POST ]; then
       read -r text
       echo "$text" > /var/www/html/upload
       query put post "$text"
     else
       echo "$(query get post), $(cat /var/www/html/upload)"
     fi`,
  ),
  program(
    'bin/cassandra',
    `trap 'exit 0' TERM
     cd /var/lib/cassandra
     [ -e host-id ] || cat /proc/sys/kernel/random/uuid > host-id
     echo started >> log
     nc -ll -p 9042 -e /bin/cql-session &
     wait`,
  ),
  program(
    'bin/cql-session',
    `cd /var/lib/cassandra
     read -r what key value
     case $what in
       put) echo "$value" > "row-$key" && sync && echo stored ;;
       get) cat "row-$key" ;;
     esac`,
  ),
  program(
    'bin/nodetool',
    `case $1 in
       status) [ -e /var/lib/cassandra/host-id ] && echo "UN $POD_IP" ;;
       drain) echo drained >> /var/lib/cassandra/log ;;
     esac`,
  ),
  program('ready-probe.sh', 'nodetool status | grep -q "^UN $POD_IP"'),
  program('bin/bash', 'exec sh "$@"'),
];

function program(path: string, script: string): TarEntry {
  return { path, mode: 0o755, content: `#!/bin/sh\n${script.replaceAll(/^ {5}/gm, '')}\n` };
}

/** The objects of Kubernetes' tutorial "WordPress and MySQL with Persistent Volumes". */
export function wordpress(image: string): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: mysql-pass}
stringData: {password: s3cret}
---
apiVersion: v1
kind: Service
metadata: {name: wordpress-mysql, labels: {app: wordpress}}
spec:
  ports: [{port: 3306}]
  selector: {app: wordpress, tier: mysql}
  clusterIP: None
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: mysql-pv-claim, labels: {app: wordpress}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 20Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: wordpress-mysql, labels: {app: wordpress}}
spec:
  selector: {matchLabels: {app: wordpress, tier: mysql}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app: wordpress, tier: mysql}}
    spec:
      containers:
      - image: ${image}
        name: mysql
        command: [mysqld]
        env:
        - name: MYSQL_PASSWORD
          valueFrom: {secretKeyRef: {name: mysql-pass, key: password}}
        ports: [{containerPort: 3306, name: mysql}]
        volumeMounts: [{name: mysql-persistent-storage, mountPath: /var/lib/mysql}]
      volumes:
      - name: mysql-persistent-storage
        persistentVolumeClaim: {claimName: mysql-pv-claim}
---
apiVersion: v1
kind: Service
metadata: {name: wordpress, labels: {app.kubernetes.io/name: wordpress}}
spec:
  ports: [{port: 80}]
  selector: {app.kubernetes.io/name: wordpress, tier: frontend}
  type: LoadBalancer
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: wp-pv-claim, labels: {app.kubernetes.io/name: wordpress}}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 20Gi}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: wordpress, labels: {app.kubernetes.io/name: wordpress}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: wordpress, tier: frontend}}
  strategy: {type: Recreate}
  template:
    metadata: {labels: {app.kubernetes.io/name: wordpress, tier: frontend}}
    spec:
      containers:
      - image: ${image}
        name: wordpress
        command: [apache2]
        env:
        - {name: WORDPRESS_DB_HOST, value: wordpress-mysql}
        - name: WORDPRESS_DB_PASSWORD
          valueFrom: {secretKeyRef: {name: mysql-pass, key: password}}
        - {name: WORDPRESS_DB_USER, value: wordpress}
        ports: [{containerPort: 80, name: wordpress}]
        volumeMounts: [{name: wordpress-persistent-storage, mountPath: /var/www/html}]
      volumes:
      - name: wordpress-persistent-storage
        persistentVolumeClaim: {claimName: wp-pv-claim}
`;
}

/** The objects of Kubernetes' tutorial "Deploying Cassandra with a StatefulSet", with the provisioner that is here. */
export function cassandra(image: string): string {
  return `apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: berth.io/local-path
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: v1
kind: Service
metadata: {name: cassandra, labels: {app: cassandra}}
spec:
  clusterIP: None
  ports: [{port: 9042}]
  selector: {app: cassandra}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: cassandra, labels: {app: cassandra}}
spec:
  serviceName: cassandra
  replicas: 3
  selector: {matchLabels: {app: cassandra}}
  template:
    metadata: {labels: {app: cassandra}}
    spec:
      terminationGracePeriodSeconds: 1800
      containers:
      - name: cassandra
        image: ${image}
        command: [cassandra]
        ports:
        - {containerPort: 7000, name: intra-node}
        - {containerPort: 9042, name: cql}
        resources:
          limits: {cpu: 500m, memory: 64Mi}
          requests: {cpu: 50m, memory: 64Mi}
        securityContext: {capabilities: {add: [IPC_LOCK]}}
        lifecycle: {preStop: {exec: {command: [/bin/sh, -c, nodetool drain]}}}
        env:
        - {name: CASSANDRA_SEEDS, value: cassandra-0.cassandra.default.svc.cluster.local}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
        readinessProbe:
          exec: {command: [/bin/bash, -c, /ready-probe.sh]}
          initialDelaySeconds: 1
          periodSeconds: 1
        livenessProbe:
          exec: {command: [/bin/bash, -c, nodetool status]}
          initialDelaySeconds: 15
          periodSeconds: 10
        volumeMounts: [{name: cassandra-data, mountPath: /var/lib/cassandra}]
  volumeClaimTemplates:
  - metadata:
      name: cassandra-data
      annotations: {volume.beta.kubernetes.io/storage-class: fast}
    spec:
      accessModes: [ReadWriteOnce]
      resources: {requests: {storage: 1Gi}}
`;
}
