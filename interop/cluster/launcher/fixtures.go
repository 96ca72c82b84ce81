package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const fixtureNamespace = "default"

// createNodes adds the nodes; kwok makes them Ready. The first is the control plane, as in a small
// real cluster, but takes pods like the others.
func createNodes(ctx context.Context, a *api, count, kubeletPort int, version string) error {
	return forEach(count, func(i int) error {
		name := fmt.Sprintf("node-%d", i)
		labels := object{
			"kubernetes.io/hostname":        name,
			"kubernetes.io/os":              "linux",
			"kubernetes.io/arch":            "amd64",
			"topology.kubernetes.io/zone":   fmt.Sprintf("zone-%d", i%2),
			"topology.kubernetes.io/region": "region-0",
		}
		if i == 0 {
			labels["node-role.kubernetes.io/control-plane"] = "true"
		}
		resources := object{"cpu": "4", "memory": "16Gi", "ephemeral-storage": "100Gi", "pods": "110"}
		node := object{
			"apiVersion": "v1",
			"kind":       "Node",
			"metadata":   object{"name": name, "labels": labels},
			"status": object{
				"capacity":    resources,
				"allocatable": resources,
				"addresses": []object{
					{"type": "InternalIP", "address": "127.0.0.1"},
					{"type": "Hostname", "address": name},
				},
				"daemonEndpoints": object{"kubeletEndpoint": object{"Port": kubeletPort}},
				"nodeInfo": object{
					"architecture": "amd64", "operatingSystem": "linux", "osImage": "Drover Linux",
					"kernelVersion": "6.12.0", "containerRuntimeVersion": "containerd://2.0.0",
					"kubeletVersion": version, "kubeProxyVersion": "",
					"bootID": "", "machineID": name, "systemUUID": name,
				},
			},
		}
		return a.call(ctx, http.MethodPost, "/api/v1/nodes", node, nil)
	})
}

// createClasses adds a default class for volumes and one for ingresses, so that a report has
// something to see.
func createClasses(ctx context.Context, a *api) error {
	storage := object{
		"apiVersion": "storage.k8s.io/v1",
		"kind":       "StorageClass",
		"metadata": object{
			"name":        "standard",
			"annotations": object{"storageclass.kubernetes.io/is-default-class": "true"},
		},
		"provisioner":       "drover.example/none",
		"reclaimPolicy":     "Delete",
		"volumeBindingMode": "WaitForFirstConsumer",
	}
	if err := a.call(ctx, http.MethodPost, "/apis/storage.k8s.io/v1/storageclasses", storage, nil); err != nil {
		return err
	}
	ingress := object{
		"apiVersion": "networking.k8s.io/v1",
		"kind":       "IngressClass",
		"metadata": object{
			"name":        "web",
			"annotations": object{"ingressclass.kubernetes.io/is-default-class": "true"},
		},
		"spec": object{"controller": "drover.example/none"},
	}
	return a.call(ctx, http.MethodPost, "/apis/networking.k8s.io/v1/ingressclasses", ingress, nil)
}

// createPods adds a Deployment, or, without a scheduler, pods that name their node.
func createPods(ctx context.Context, a *api, count, nodes int, scheduler bool) error {
	labels := object{"app": "web"}
	container := object{
		"name":      "app",
		"image":     "drover.example/app:1",
		"ports":     []object{{"containerPort": 8080}},
		"resources": object{"requests": object{"cpu": "100m", "memory": "64Mi"}, "limits": object{"memory": "128Mi"}},
	}
	if scheduler {
		deployment := object{
			"apiVersion": "apps/v1",
			"kind":       "Deployment",
			"metadata":   object{"name": "web", "labels": labels},
			"spec": object{
				"replicas": count,
				"selector": object{"matchLabels": labels},
				"template": object{
					"metadata": object{"labels": labels},
					"spec":     object{"containers": []object{container}},
				},
			},
		}
		return a.call(ctx, http.MethodPost, "/apis/apps/v1/namespaces/"+fixtureNamespace+"/deployments", deployment, nil)
	}
	return forEach(count, func(i int) error {
		pod := object{
			"apiVersion": "v1",
			"kind":       "Pod",
			"metadata":   object{"name": fmt.Sprintf("web-%d", i), "labels": labels},
			"spec":       object{"nodeName": fmt.Sprintf("node-%d", i%nodes), "containers": []object{container}},
		}
		return a.call(ctx, http.MethodPost, "/api/v1/namespaces/"+fixtureNamespace+"/pods", pod, nil)
	})
}

// list is as much of a list of nodes or pods as it takes to see how many are well.
type list struct {
	Items []struct {
		Status struct {
			Phase      string
			Conditions []struct{ Type, Status string }
		}
	}
}

func (l list) ready() int {
	count := 0
	for _, item := range l.Items {
		for _, condition := range item.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" {
				count++
			}
		}
	}
	return count
}

// waitReady polls a list until it has that many ready items. The context bounds the wait.
func waitReady(ctx context.Context, a *api, path string, wanted int, progress func(string)) error {
	last := -1
	for {
		var found list
		asked := time.Now()
		err := a.call(ctx, http.MethodGet, path, nil, &found)
		ready := found.ready()
		if err == nil && ready >= wanted {
			return nil
		}
		if ready != last {
			last = ready
			progress(fmt.Sprintf("%d of %d ready", ready, wanted))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %d of %d were ready in time (last error: %v)", path, ready, wanted, err)
		case <-time.After(max(100*time.Millisecond, 4*time.Since(asked))): // a long list is work for everybody
		}
	}
}

// waitFor waits until an object exists.
func waitFor(ctx context.Context, a *api, path string) error {
	for {
		err := a.call(ctx, http.MethodGet, path, nil, nil)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not there in time: %w", err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
