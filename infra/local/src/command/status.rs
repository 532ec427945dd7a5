//! `status`: what runs.

use super::directory;
use super::session::Session;
use super::up::localhost;
use crate::Error;
use crate::paths::Directory;
use serde_json::Value;

/// Tells where everything is, and which clusters there are.
///
/// # Errors
/// If a stack is said to run and does not answer.
pub async fn status() -> Result<(), Error> {
    let directory = Directory::create(&directory())?;
    let Some(session) = Session::running(&directory)? else {
        println!("local mode is not up; start it with `cargo local up`");
        return Ok(());
    };
    let (Some(api), Some(emulator), Some(account)) = (session.api_url, session.emulator_url, session.account_url)
    else {
        println!("local mode is starting (process {})", session.pid);
        return Ok(());
    };
    println!("API            {}\nAWS emulator   {emulator}\nlocal account  {account}", localhost(&api));
    let attempt = || "ask the local account what it has".to_owned();
    let failed = |source| Error::Http { attempt: attempt(), source };
    let answer = crate::http::client().get(format!("{account}/inventory")).send().await.map_err(failed)?;
    let inventory: Value = answer.json().await.map_err(failed)?;
    let clusters = inventory["clusters"].as_array().cloned().unwrap_or_default();
    if clusters.is_empty() {
        println!("clusters       none");
    }
    for cluster in clusters {
        let count = |what: &str| cluster[what].as_array().map_or(0, Vec::len);
        let name = cluster["name"].as_str().unwrap_or_default();
        println!("cluster        {name}: {} nodes, {} processes", count("nodes"), count("processes"));
    }
    Ok(())
}
