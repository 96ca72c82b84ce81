{{- /* What is true of several objects. Each says what it takes. */ -}}

{{- /* Labels of every object; context: root. Who manages them is not said: it may be kubectl. */ -}}
{{- define "drover.labels" -}}
app.kubernetes.io/name: drover
app.kubernetes.io/instance: {{ .Release.Name }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- /* Name of the Secret with the credentials; context: root. The key is Rancher's: the first 10 hex digits
       of SHA-256 over URL, token and cluster. Another token is another name, so that the pods roll. */ -}}
{{- define "drover.credentials" -}}
{{- with .Values.server -}}
{{- .existingSecret | default (printf "%s.%s.%s" .url .token .clusterId | sha256sum | trunc 10 | printf "cattle-credentials-%s") -}}
{{- end -}}
{{- end -}}

{{- /* Name of the Secret by which node agents and cluster agent know each other; context: root. */ -}}
{{- define "drover.nodeIdentity" -}}
{{- .Values.nodeAgent.existingSecret | default "drover-node-agent" -}}
{{- end -}}

{{- /* Where all node agents answer; context: root. */ -}}
{{- define "drover.nodePeers" -}}
{{- printf "drover-node-agent.cattle-system.svc:%v" .Values.nodeAgent.port -}}
{{- end -}}

{{- /* An image with the private registry, unless that is in its name already; context: list of root and
       name. */ -}}
{{- define "drover.mirrored" -}}
{{- $name := index . 1 -}}
{{- with (index . 0).Values.registry | trimSuffix "/" -}}
{{- if not (hasPrefix (printf "%s/" .) $name) -}}
{{- $name = printf "%s/%s" . $name -}}
{{- end -}}
{{- end -}}
{{- $name -}}
{{- end -}}

{{- /* The image of all pods; context: root. */ -}}
{{- define "drover.image" -}}
{{- $image := .Values.image -}}
{{- $name := include "drover.mirrored" (list . $image.repository) -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- /* The image of kubectl shells, or `off`; context: root. The agent makes them with rights that it has in
       one profile only. */ -}}
{{- define "drover.shellImage" -}}
{{- if and .Values.explorer.shellImage (eq .Values.rbac.profile "full") -}}
{{- include "drover.mirrored" (list . .Values.explorer.shellImage) -}}
{{- else -}}
off
{{- end -}}
{{- end -}}

{{- /* Trials and duties, separated by commas, or `none`; context: root. With less than all rights none of
       those is on by itself that needs more than the tunnel does. */ -}}
{{- define "drover.trials" -}}
{{- $full := eq .Values.rbac.profile "full" -}}
{{- if kindIs "invalid" .Values.trials -}}
{{- ternary "node-ports,taints,pod-security" "none" $full -}}
{{- else -}}
{{- join "," .Values.trials | default "none" -}}
{{- end -}}
{{- end -}}

{{- define "drover.duties" -}}
{{- $full := eq .Values.rbac.profile "full" -}}
{{- if kindIs "invalid" .Values.duties -}}
{{- ternary "node-annotations,namespace-labels,scale-available,tunnel-events," "" $full -}}
unused-credentials,unused-pull-secrets
{{- else -}}
{{- join "," .Values.duties | default "none" -}}
{{- end -}}
{{- end -}}

{{- /* Whether the number of pods is left to the agent: `true` or nothing; context: root. */ -}}
{{- define "drover.scalesItself" -}}
{{- if and (kindIs "invalid" .Values.replicas) (has "scale-available" (splitList "," (include "drover.duties" .))) -}}
true
{{- end -}}
{{- end -}}

{{- /* The rules that the features that are on need in one place of rights.yaml; context: list of root
       and place. */ -}}
{{- define "drover.rules" -}}
{{- $root := index . 0 -}}
{{- $place := index . 1 -}}
{{- $rights := $root.Files.Get "rights.yaml" | fromYaml -}}
{{- $features := list "tunnel" "watch" -}}
{{- $duties := without (splitList "," (include "drover.duties" $root)) "none" -}}
{{- if or $root.Values.reports.enabled $duties -}}
{{- $features = append $features "leader" -}}
{{- end -}}
{{- if $root.Values.gateway.enabled -}}
{{- $features = append $features "gateway" -}}
{{- end -}}
{{- if $root.Values.reports.enabled -}}
{{- $trials := without (splitList "," (include "drover.trials" $root)) "none" -}}
{{- $features = concat (append $features "reports") $trials -}}
{{- end -}}
{{- range $feature := concat $features $duties }}
{{- with index $rights $feature $place }}
# {{ $feature }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- end -}}
