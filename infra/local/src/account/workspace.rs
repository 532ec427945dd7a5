//! The folder of one pod, which stands in for a container's file system.
//!
//! It is laid out as a Python virtual environment, so that what the pod installs stays in the pod: an interpreter that
//! is started through `bin/python3` finds `pyvenv.cfg` beside it. Writing these few files takes microseconds, where
//! `python -m venv` takes seconds.

use k8s_openapi::api::core::v1::PodSpec;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// The folders of one pod.
pub(crate) struct Workspace {
    /// The pod's home and working folder.
    pub home: PathBuf,
    /// Where its interpreter is.
    pub bin: PathBuf,
}

impl Workspace {
    /// Lays out `home` around `interpreter`, a Python `version` (`X.Y`).
    pub(crate) fn create(home: PathBuf, interpreter: &Path, version: &str) -> io::Result<Self> {
        let bin = home.join("bin");
        for folder in [&bin, &home.join("tmp"), &home.join(format!("lib/python{version}/site-packages"))] {
            fs::create_dir_all(folder)?;
        }
        let installation = interpreter.parent().unwrap_or(Path::new("/")).display();
        let settings = format!("home = {installation}\ninclude-system-site-packages = true\nversion = {version}\n");
        fs::write(home.join("pyvenv.cfg"), settings)?;
        for name in ["python", "python3", &format!("python{version}")] {
            symlink(interpreter, bin.join(name))?;
        }
        Ok(Self { home, bin })
    }

    /// The local folders that stand in for what `pod` mounts: `(path in the container, path here)`. Only volumes of
    /// the host (kept in `host_folder`) and empty ones exist here; a process has no mounts, so the paths are replaced
    /// in the values of its environment.
    pub(crate) fn mounts(&self, pod: &PodSpec, host_folder: &Path) -> io::Result<Vec<(String, String)>> {
        let container = pod.containers.first();
        let mut mounts = Vec::new();
        for mount in container.iter().flat_map(|container| container.volume_mounts.iter().flatten()) {
            let Some(volume) = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name) else { continue };
            let folder = match (&volume.host_path, &volume.empty_dir) {
                (Some(host), _) => inside(host_folder, &host.path),
                (None, Some(_)) => self.home.join("volumes").join(&volume.name),
                (None, None) => continue,
            };
            fs::create_dir_all(&folder)?;
            mounts.push((mount.mount_path.clone(), folder.display().to_string()));
        }
        Ok(mounts)
    }
}

/// `path` of a node's file system below `folder`; it cannot lead out of it.
fn inside(folder: &Path, path: &str) -> PathBuf {
    let names = Path::new(path).components().filter(|name| matches!(name, std::path::Component::Normal(_)));
    names.fold(folder.to_path_buf(), |folder, name| folder.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mounts_stay_below_the_folders_of_the_node_and_the_pod() {
        let folder = std::env::temp_dir().join(format!("workspace-{}", uuid::Uuid::new_v4()));
        let workspace = Workspace::create(folder.join("pod"), Path::new("/usr/bin/python3.11"), "3.11").unwrap();
        let pod: PodSpec = serde_json::from_value(json!({
            "volumes": [{"name": "cache", "hostPath": {"path": "/var/../cache/pip"}}, {"name": "scratch", "emptyDir": {}}],
            "containers": [{"name": "main", "volumeMounts": [
                {"name": "cache", "mountPath": "/cache"}, {"name": "scratch", "mountPath": "/scratch"}]}]}))
        .unwrap();

        let mounts = workspace.mounts(&pod, &folder.join("host")).unwrap();

        let local = |path: &str| folder.join(path).display().to_string();
        assert_eq!(mounts[0], ("/cache".to_owned(), local("host/var/cache/pip")));
        assert_eq!(mounts[1], ("/scratch".to_owned(), local("pod/volumes/scratch")));
        assert!(folder.join("host/var/cache/pip").is_dir());
        fs::remove_dir_all(folder).unwrap();
    }
}
