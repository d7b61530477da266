{{- /*
Data of the Secrets: all that depends on the values beyond the structure.

A token is the one that the values set, else the live release's, else a new one. As in the real chart, a token that is
asked for twice at the first install is drawn twice.
*/ -}}

{{- define "name.hub" -}}
{{- if hasKey .Values "fullnameOverride" -}}hub{{- else -}}{{ .Release.Name }}-{{ .Chart.Name }}-hub{{- end -}}
{{- end -}}

{{- define "token" -}}
{{- $root := index . 0 -}}
{{- $key := index . 1 -}}
{{- $set := index . 2 -}}
{{- $live := get (lookup "v1" "Secret" $root.Release.Namespace (include "name.hub" $root) | default dict) "data" | default dict -}}
{{- if $set -}}
{{- $set -}}
{{- else if hasKey $live $key -}}
{{- get $live $key | b64dec -}}
{{- else -}}
{{- randAlphaNum 64 | sha256sum -}}
{{- end -}}
{{- end -}}

{{- define "token.proxy" -}}
{{- $set := dig "ConfigurableHTTPProxy" "auth_token" "" .Values.hub.config | default .Values.proxy.secretToken -}}
{{- include "token" (list . "hub.config.ConfigurableHTTPProxy.auth_token" $set) -}}
{{- end -}}

{{- define "token.cookie" -}}
{{- $set := dig "JupyterHub" "cookie_secret" "" .Values.hub.config | default .Values.hub.cookieSecret -}}
{{- include "token" (list . "hub.config.JupyterHub.cookie_secret" $set) -}}
{{- end -}}

{{- define "token.crypt" -}}
{{- $set := dig "CryptKeeper" "keys" list .Values.hub.config | join ";" -}}
{{- include "token" (list . "hub.config.CryptKeeper.keys" $set) -}}
{{- end -}}

{{- define "data.hub" -}}
{{- $chart := dict "Name" .Chart.Name "Version" .Chart.Version "AppVersion" .Chart.AppVersion -}}
{{- $release := pick .Release "Name" "Namespace" "Service" -}}
values.yaml: {{ merge (dict "Chart" $chart "Release" $release) .Values | toYaml | b64enc }}
hub.config.ConfigurableHTTPProxy.auth_token: {{ include "token.proxy" . | b64enc }}
hub.config.JupyterHub.cookie_secret: {{ include "token.cookie" . | b64enc }}
hub.config.CryptKeeper.keys: {{ include "token.crypt" . | b64enc }}
{{- range $name, $service := .Values.hub.services }}
{{- $key := printf "hub.services.%s.apiToken" $name }}
{{- $set := get $service "api_token" | default (get $service "apiToken") }}
{{ $key }}: {{ include "token" (list $ $key $set) | b64enc }}
{{- end }}
{{- end -}}

{{- define "data.proxy-public-manual-tls" -}}
tls.crt: {{ .Values.proxy.https.manual.cert | b64enc }}
tls.key: {{ .Values.proxy.https.manual.key | b64enc }}
{{- end -}}

{{- define "data.image-pull-secret" -}}
{{- with .Values.imagePullSecret -}}
{{- $account := dict "username" .username "password" .password "auth" (printf "%s:%s" .username .password | b64enc) -}}
.dockerconfigjson: {{ dict "auths" (dict .registry $account) | toJson | b64enc }}
{{- end -}}
{{- end -}}
